import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { openLibp2p } from '../../src/transport/libp2p.ts'
import type { Transport, TransportHandlers } from '../../src/transport/transport.ts'

/**
 * Request and response of 200 bytes between two processes, at several numbers in flight: messages a
 * second, and CPU time of each process per message.
 *
 *   node bench/micro/transport.ts [seconds per depth]
 */
const DEPTHS = [1, 16, 64, 256]
const FRAME = new Uint8Array(200)

interface CpuUsage {
  readonly user: number
  readonly system: number
}

const cpuMicros = ({ user, system }: CpuUsage): number => user + system

function handlers(
  frame: TransportHandlers['frame'],
  up: TransportHandlers['up']
): TransportHandlers {
  return {
    hello: () => new Uint8Array(0),
    up,
    frame,
    down: (_, reason) => {
      if (reason !== 'closed by the peer') throw new Error(reason)
    },
    dialFailed: (address, failure) => {
      throw new Error(`${address}: ${failure}`)
    }
  }
}

async function open(listen: string[]): Promise<Transport> {
  return await openLibp2p({
    privateKey: undefined,
    listen,
    announce: [],
    clusterKey: new Uint8Array(32),
    role: 'node'
  })
}

/** Answers every frame with itself; says its CPU time for every line it reads. */
async function echo(): Promise<void> {
  const transport = await open(['/ip4/127.0.0.1/tcp/0'])
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
}

/** The process that answers, and what we ask it. */
interface Other {
  readonly address: string
  cpuMicros(): Promise<number>
  end(): Promise<void>
}

async function start(): Promise<Other> {
  const args = [...process.execArgv, import.meta.filename, 'echo']
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async (): Promise<string> => String((await lines.next()).value)
  return {
    address: await line(),
    cpuMicros: async () => {
      child.stdin.write('\n')
      return Number(await line())
    },
    end: async () => {
      child.stdin.end()
      await once(child, 'exit')
    }
  }
}

/** Our side: keeps as many frames in flight as were sent first, while `going`. */
class Asker {
  answered = 0
  going = false
  readonly #transport: Transport
  #peer = ''

  constructor(transport: Transport) {
    this.#transport = transport
  }

  async link(address: string): Promise<void> {
    await new Promise<void>((resolve) => {
      const answer = (): void => {
        this.answered++
        if (this.going) this.ask(1)
      }
      const up = (link: { readonly peer: string }): void => {
        this.#peer = link.peer
        resolve()
      }
      this.#transport.start(handlers(answer, up))
      this.#transport.dial(address)
    })
  }

  ask(count: number): void {
    for (let i = 0; i < count; i++) this.#transport.send(this.#peer, [FRAME])
  }
}

async function round(asker: Asker, other: Other, depth: number, seconds: number): Promise<string> {
  const [own, theirs] = [cpuMicros(process.cpuUsage()), await other.cpuMicros()]
  const begin = performance.now()
  asker.answered = 0
  asker.going = true
  asker.ask(depth)
  await setTimeout(seconds * 1_000)
  asker.going = false
  const count = asker.answered
  const rate = Math.round((count * 1_000) / (performance.now() - begin))
  const spent = [cpuMicros(process.cpuUsage()) - own, (await other.cpuMicros()) - theirs]
  const [asking, answering] = spent.map((micros) => (micros / count).toFixed(1).padStart(7))
  await setTimeout(50)
  return `${String(depth).padStart(5)} ${String(rate).padStart(12)} ${asking}, ${answering}`
}

async function measure(seconds: number): Promise<void> {
  const other = await start()
  const transport = await open([])
  const asker = new Asker(transport)
  await asker.link(other.address)
  console.log('depth   messages/s   us of CPU per message: asking, answering')
  for (const depth of DEPTHS) {
    await round(asker, other, depth, seconds / 4) // warms up
    console.log(await round(asker, other, depth, seconds))
  }
  await new Promise<void>((resolve) => transport.stop(resolve))
  await other.end()
}

const [mode] = process.argv.slice(2)
if (mode === 'echo') await echo()
else await measure(Number(mode ?? 2))
