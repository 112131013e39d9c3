import { createInterface } from 'node:readline'
import { cpuMicros, handlers, openTransport } from './transport-end.ts'

// Answers every frame with itself; says its CPU time for every line it reads.

const transport = await openTransport(['/ip4/127.0.0.1/tcp/0'])
transport.start(
  handlers(
    (peer, frame) => transport.send(peer, [frame]),
    () => {}
  )
)
console.log(transport.addresses()[0])
const lines = createInterface({ input: process.stdin })
lines.on('line', () => console.log(cpuMicros(process.cpuUsage())))
lines.on('close', () => process.exit(0))
