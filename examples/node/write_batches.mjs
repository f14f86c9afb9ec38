// A small program that ships telemetry with @influxdata/influxdb-client, as its documentation shows, and what that costs.
//
//     (cd examples/node && npm ci)
//     faultlab run examples/hiccup.yaml -- node examples/node/write_batches.mjs
//     faultlab run examples/hiccup.yaml -- node examples/node/write_batches.mjs --patient
//
// The first run fails: close() gives up every batch that was refused and would have been sent again. With --patient the
// program closes the client once each line is written or given up, and passes. Under rate-limit it fails either way,
// because client 1.35 takes the seconds of a Retry-After for milliseconds. Nothing in it knows of faultlab but the line
// that writes the manifest: what it hands to the client, as line protocol, before it hands it over.
import { appendFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { InfluxDB, Point } from '@influxdata/influxdb-client'

const FIRST = 1_700_000_000_000_000_000n
const RETRIES = 5

const { values: options } = parseArgs({
  options: {
    points: { type: 'string', default: '50' },
    'batch-size': { type: 'string', default: '10' },
    patient: { type: 'boolean', default: false },
  },
})
const { INFLUX_HOST, INFLUX_TOKEN, INFLUX_ORG, INFLUX_BUCKET, FAULTLAB_MANIFEST } = process.env

// Lines that are neither written nor given up, and what is told when there are none.
let open = Number(options.points)
let tell
const settled = new Promise((resolve) => (tell = resolve))

function settle(lines) {
  open -= lines.length
  if (open === 0) tell()
}

const api = new InfluxDB({ url: INFLUX_HOST, token: INFLUX_TOKEN }).getWriteApi(INFLUX_ORG, INFLUX_BUCKET, 'ns', {
  batchSize: Number(options['batch-size']),
  maxRetries: RETRIES,
  writeSuccess: settle,
  writeFailed(error, lines, attempt, expires) {
    // The client sends again by itself unless this was the last attempt, or the refusal is for good.
    if (attempt > RETRIES || expires <= Date.now() || error.statusCode < 429) {
      process.exitCode = 1
      settle(lines)
    }
  },
})
for (let number = 0; number < Number(options.points); number++) {
  const point = new Point('home')
    .tag('room', `r${number % 4}`)
    .floatField('temperature', 20 + number / 10)
    .timestamp(String(FIRST + BigInt(number) * 1_000_000_000n))
  if (FAULTLAB_MANIFEST) appendFileSync(FAULTLAB_MANIFEST, `${point.toLineProtocol(api)}\n`)
  api.writePoint(point)
}
if (options.patient) {
  // The client logs what went wrong, and goes on.
  await api.flush().catch(() => {})
  await settled
}
await api.close().catch((problem) => {
  console.error(`not everything was written: ${problem}`)
  process.exitCode = 1
})
