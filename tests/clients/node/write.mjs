// Ships fifty points with @influxdata/influxdb-client, its defaults but for a small batch, and closes it.
import { appendFileSync } from 'node:fs'
import { InfluxDB, Point } from '@influxdata/influxdb-client'

const { INFLUX_HOST, INFLUX_TOKEN, INFLUX_ORG, INFLUX_BUCKET, FAULTLAB_MANIFEST } = process.env
const api = new InfluxDB({ url: INFLUX_HOST, token: INFLUX_TOKEN }).getWriteApi(INFLUX_ORG, INFLUX_BUCKET, 'ns', {
  batchSize: 10,
})
for (let number = 0; number < 50; number++) {
  const point = new Point('home')
    .tag('room', `r${number % 4}`)
    .floatField('temperature', 20 + number / 10)
    .timestamp(String(1700000000000000000n + BigInt(number) * 1000000000n))
  appendFileSync(FAULTLAB_MANIFEST, `${point.toLineProtocol(api)}\n`)
  api.writePoint(point)
  // Each batch is under way before the next one begins, so that a connection has more than one request to carry.
  if (number % 10 === 9) await api.flush().catch((problem) => console.error(`flush failed: ${problem}`))
}
await api.close().catch((problem) => {
  console.error(`close failed: ${problem}`)
  process.exitCode = 1
})
