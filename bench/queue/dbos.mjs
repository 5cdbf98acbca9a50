// The same as bench_queue.cc and bench_workflow.cc, on DBOS. MODULES: the folder that holds node_modules. Jobs are workflows of
// one step on a queue that is polled as often as DBOS lets it; workflows of five steps are started directly, 10 at a time,
// without a queue between.
//   node dbos.mjs MODULES HOST PORT DATABASE JOBS WORKFLOWS [QUEUED…]        prints one line of JSON
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'

const [modules, host, port, database, count, flows, ...queued] = process.argv.slice(2)
const require = createRequire(modules + '/')
const { DBOS } = require('@dbos-inc/dbos-sdk')
const { Pool } = require('pg')
const producers = 10, concurrency = 10, samples = 50, slice = 300
const jobs = Math.floor(Number(count) / producers) * producers
const now = () => Number(process.hrtime.bigint()) / 1e3
const pool = new Pool({ host, port: Number(port), database, user: 'corral', max: 20 })
pool.on('error', error => { throw error })

let done = 0, target = 0, reached = () => {}, started = () => {}
const noop = DBOS.registerWorkflow(async () => {
  await DBOS.runStep(async () => {}, { name: 'noop' })
  if (++done === target) reached()
}, { name: 'noop' })
const idle = DBOS.registerWorkflow(async () => { started(now()) }, { name: 'idle' })
const five = DBOS.registerWorkflow(async () => {
  for (let i = 0; i < 5; i++) await DBOS.runStep(async () => {}, { name: `step${i}` })
}, { name: 'five' })
const until = wanted => { target = wanted; return done >= wanted ? Promise.resolve() : new Promise(resolve => { reached = resolve }) }
const quiet = { info() {}, debug() {}, warn() {}, error: console.error }

DBOS.setConfig({ name: 'bench', systemDatabaseUrl: `postgresql://corral@localhost:${port}/${database}`, systemDatabasePool: pool, logger: quiet })
await DBOS.launch()
await DBOS.registerQueue('bench', { workerConcurrency: concurrency, minPollingIntervalMs: 1 })
const enqueue = many => Promise.all(Array.from({ length: producers }, async (_, p) => {
  for (let i = p; i < many; i += producers) await DBOS.startWorkflow(noop, { queueName: 'bench' })()
}))

// The queue is worked on as soon as something is in it: enqueueing and working overlap.
let begin = now()
const all = until(jobs)
await enqueue(jobs)
const enqueuing = (now() - begin) / 1e6
await all
const total = (now() - begin) / 1e6

const latencies = []
for (let i = 0; i < samples; i++) {
  await sleep(4)
  const start = new Promise(resolve => { started = resolve })
  const enqueued = now()
  await Promise.all([DBOS.startWorkflow(idle, { queueName: 'bench' })(), start.then(at => latencies.push(at - enqueued))])
}

begin = now()
await Promise.all(Array.from({ length: concurrency }, async (_, p) => {
  for (let i = p; i < Number(flows); i += concurrency) await (await DBOS.startWorkflow(five)()).getResult()
}))
const workflows = Number(flows) / ((now() - begin) / 1e6)

// How fast the next few go while so many wait, on a queue that nobody works on until it is as long as that.
const grown = {}
for (const many of queued.map(Number)) {
  const queueName = `grown-${many}`
  await Promise.all(Array.from({ length: 40 }, async (_, p) => {
    for (let i = p; i < many; i += 40) await DBOS.startWorkflow(noop, { queueName })()
  }))
  begin = now()
  const enough = until(done + slice)
  await DBOS.registerQueue(queueName, { workerConcurrency: concurrency, minPollingIntervalMs: 1 })
  await enough
  grown[`queued_${many}_per_s`] = Math.round(slice / ((now() - begin) / 1e6))
  await pool.query(`DELETE FROM dbos.workflow_status WHERE status = 'ENQUEUED'`)
}
latencies.sort((a, b) => a - b)
const at = q => Math.round(latencies[Math.floor(q * (latencies.length - 1))])
console.log(JSON.stringify({
  enqueue_per_s: Math.round(jobs / enqueuing), work_per_s: Math.round(jobs / total), jobs_per_s: Math.round(jobs / total),
  start_p50_us: at(0.5), start_p99_us: at(0.99), workflows_per_s: Math.round(workflows), ...grown,
}))
await DBOS.shutdown()
await pool.end()
