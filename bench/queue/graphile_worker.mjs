// The same as bench_queue.cc, on graphile-worker. MODULES: the folder that holds node_modules.
//   node graphile_worker.mjs MODULES HOST PORT DATABASE JOBS [QUEUED…]        prints one line of JSON
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'

const [modules, host, port, database, count, ...queued] = process.argv.slice(2)
const require = createRequire(modules + '/')
const { run, makeWorkerUtils, Logger } = require('graphile-worker')
const { Pool } = require('pg')
const producers = 10, concurrency = 10, samples = 500
const jobs = Math.floor(Number(count) / producers) * producers
const now = () => Number(process.hrtime.bigint()) / 1e3
const logger = new Logger(() => () => {})
const pgPool = new Pool({ host, port: Number(port), database, user: 'corral', max: producers + concurrency + 2 })
pgPool.on('error', error => { throw error })
pgPool.on('connect', client => client.on('error', error => { throw error }))

const utils = await makeWorkerUtils({ pgPool, logger })
await utils.migrate()
let begin = now()
await Promise.all(Array.from({ length: producers }, async (_, p) => {
  for (let i = 0; i < jobs / producers; i++) await utils.addJob('noop', { n: 1 }, { jobKey: `${p}-${i}` })
}))
const enqueuing = (now() - begin) / 1e6

let done = 0, finished, started
const all = new Promise(resolve => { finished = resolve })
const options = { pgPool, logger, concurrency, noHandleSignals: true, pollInterval: 2000 }
begin = now()
const runner = await run({ ...options, taskList: { noop: async () => {}, idle: async () => { started(now()) } } })
runner.events.on('job:complete', () => { if (++done === jobs) finished() })
await all
const working = (now() - begin) / 1e6

const latencies = []
for (let i = 0; i < samples; i++) {
  await sleep(4)
  const start = new Promise(resolve => { started = resolve })
  const enqueued = now()
  await Promise.all([utils.addJob('idle', { n: 1 }), start.then(at => latencies.push(at - enqueued))])
}
await runner.stop()

// How fast the next thousand go while so many wait.
const grown = {}
for (const many of queued.map(Number)) {
  await pgPool.query(`SELECT graphile_worker.add_job('noop', '{"n":1}'::json) FROM generate_series(1, $1::int)`, [many])
  await pgPool.query('VACUUM ANALYZE graphile_worker._private_jobs')
  let worked = 0, enough
  const thousand = new Promise(resolve => { enough = resolve })
  begin = now()
  const digger = await run({ ...options, taskList: { noop: async () => {} } })
  digger.events.on('job:complete', () => { if (++worked === Math.min(many, 1000)) enough(now()) })
  grown[`queued_${many}_per_s`] = Math.round(Math.min(many, 1000) / ((await thousand - begin) / 1e6))
  await digger.stop()
  await pgPool.query('DELETE FROM graphile_worker._private_jobs')
}
await utils.release()
await pgPool.end()
latencies.sort((a, b) => a - b)
const at = q => Math.round(latencies[Math.floor(q * (latencies.length - 1))])
console.log(JSON.stringify({
  enqueue_per_s: Math.round(jobs / enqueuing), work_per_s: Math.round(jobs / working), jobs_per_s: Math.round(jobs / (enqueuing + working)),
  start_p50_us: at(0.5), start_p99_us: at(0.99), ...grown,
}))
