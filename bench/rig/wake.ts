import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { at, rounded } from './figures.ts'

/** 64 bytes to another process over loopback and back, one at a time, nothing else going on. */
export interface Wake {
  /** Of one there and back. */
  readonly p50Ms: number
  /** Of one there and back, both processes together. */
  readonly cpuMicros: number
}

const TRIPS = 3_000
/** Before any is counted: the code is compiled. */
const WARM_UP_TRIPS = 1_000
const MESSAGE_BYTES = 64

/**
 * How dear it is to wake another process. A store on one machine does little else at few requests
 * in flight, and two machines of one clock rate can differ by three times in it.
 */
export async function wakeOf(): Promise<Wake> {
  const child = fork(fileURLToPath(new URL('wake-echo.ts', import.meta.url)), {
    execArgv: ['--no-warnings']
  })
  try {
    const [{ port }] = (await once(child, 'message')) as [{ port: number }]
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    await trips(socket, WARM_UP_TRIPS)
    const [own, others] = [process.cpuUsage(), await usageOf(child)]
    const times = await trips(socket, TRIPS)
    const used = micros(process.cpuUsage(own)) + micros(await usageOf(child)) - micros(others)
    socket.destroy()
    return { p50Ms: rounded(at(times, 0.5)), cpuMicros: rounded(used / TRIPS) }
  } finally {
    child.disconnect()
  }
}

const micros = ({ user, system }: NodeJS.CpuUsage): number => user + system

async function usageOf(child: ChildProcess): Promise<NodeJS.CpuUsage> {
  child.send('usage')
  const [usage] = (await once(child, 'message')) as [NodeJS.CpuUsage]
  return usage
}

/** Returns the time of each in milliseconds, ascending. */
async function trips(socket: Socket, count: number): Promise<number[]> {
  const message = new Uint8Array(MESSAGE_BYTES)
  const times: number[] = []
  for (let trip = 0; trip < count; trip++) {
    const began = performance.now()
    socket.write(message)
    let received = 0
    while (received < MESSAGE_BYTES) {
      const [chunk] = (await once(socket, 'data')) as [Buffer]
      received += chunk.length
    }
    times.push(performance.now() - began)
  }
  return times.sort((a, b) => a - b)
}
