// The same as bench_queue.cc, on BullMQ. MODULES: the folder that holds node_modules.
//   node bullmq.mjs MODULES REDIS_PORT JOBS [QUEUED…]        prints one line of JSON
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'

const [modules, port, count, ...queued] = process.argv.slice(2)
const { Queue, Worker } = createRequire(modules + '/')('bullmq')
const connection = { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null }
const producers = 10, concurrency = 10, samples = 500
const jobs = Math.floor(Number(count) / producers) * producers
const options = { removeOnComplete: { count: 100 }, removeOnFail: { count: 50 } }
const now = () => Number(process.hrtime.bigint()) / 1e3

const queue = new Queue('bench', { connection })
await queue.waitUntilReady()
let begin = now()
await Promise.all(Array.from({ length: producers }, async (_, p) => {
  for (let i = 0; i < jobs / producers; i++) await queue.add('noop', { n: 1 }, { jobId: `${p}-${i}x`, ...options })
}))
const enqueuing = (now() - begin) / 1e6

let done = 0, finished
const all = new Promise(resolve => { finished = resolve })
const worker = new Worker('bench', async () => {}, { connection, concurrency, autorun: false, ...options })
worker.on('completed', () => { if (++done === jobs) finished() })
await worker.waitUntilReady()
begin = now()
worker.run()
await all
const working = (now() - begin) / 1e6
await worker.close()

const idle = new Queue('idle', { connection })
let started
const idler = new Worker('idle', async () => { started(now()) }, { connection, concurrency, ...options })
await idler.waitUntilReady()
const latencies = []
for (let i = 0; i < samples; i++) {
  await sleep(4)
  const start = new Promise(resolve => { started = resolve })
  const enqueued = now()
  await Promise.all([idle.add('noop', { n: 1 }, options), start.then(at => latencies.push(at - enqueued))])
}
await idler.close()

// How fast the next thousand go while so many wait.
const grown = {}
for (const many of queued.map(Number)) {
  const long = new Queue(`grown-${many}`, { connection })
  for (let i = 0; i < many; i += 1000)
    await long.addBulk(Array.from({ length: Math.min(1000, many - i) }, () => ({ name: 'noop', data: { n: 1 }, opts: options })))
  let worked = 0, enough
  const thousand = new Promise(resolve => { enough = resolve })
  const digger = new Worker(`grown-${many}`, async () => {}, { connection, concurrency, autorun: false, ...options })
  digger.on('completed', () => { if (++worked === Math.min(many, 1000)) enough(now()) })
  await digger.waitUntilReady()
  begin = now()
  digger.run()
  grown[`queued_${many}_per_s`] = Math.round(Math.min(many, 1000) / ((await thousand - begin) / 1e6))
  await digger.close(true)
  await long.obliterate({ force: true })
  await long.close()
}
await Promise.all([queue.close(), idle.close()])
latencies.sort((a, b) => a - b)
const at = q => Math.round(latencies[Math.floor(q * (latencies.length - 1))])
console.log(JSON.stringify({
  enqueue_per_s: Math.round(jobs / enqueuing), work_per_s: Math.round(jobs / working), jobs_per_s: Math.round(jobs / (enqueuing + working)),
  start_p50_us: at(0.5), start_p99_us: at(0.99), ...grown,
}))
