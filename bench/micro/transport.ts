import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import type { Transport } from '../../src/transport/transport.ts'
import { rounded } from '../rig/figures.ts'
import type { Section } from './measure.ts'
import { cpuMicros, handlers, openTransport } from './transport-end.ts'

// Request and response of 200 bytes between two processes, at several numbers in flight.

const DEPTHS = [1, 16, 64, 256]
const FRAME = new Uint8Array(200)
const COLUMNS = ['messages/s', 'CPU us, asking', 'CPU us, answering']
const ECHO = new URL('./transport-echo.ts', import.meta.url).pathname

/** The process that answers, and what we ask it. */
interface Other {
  readonly address: string
  cpuMicros(): Promise<number>
  end(): Promise<void>
}

async function start(): Promise<Other> {
  const args = ['--no-warnings', ECHO]
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

async function round(
  asker: Asker,
  other: Other,
  depth: number,
  seconds: number
): Promise<number[]> {
  const [own, theirs] = [cpuMicros(process.cpuUsage()), await other.cpuMicros()]
  const begin = performance.now()
  asker.answered = 0
  asker.going = true
  asker.ask(depth)
  await setTimeout(seconds * 1_000)
  asker.going = false
  const count = asker.answered
  const rate = (count * 1_000) / (performance.now() - begin)
  const spent = [cpuMicros(process.cpuUsage()) - own, (await other.cpuMicros()) - theirs]
  // What is still on its way belongs to no round.
  await setTimeout(50)
  return [rate, ...spent.map((micros) => micros / count)].map(rounded)
}

export async function transportSections(seconds: number): Promise<Section[]> {
  const other = await start()
  const transport = await openTransport([])
  const asker = new Asker(transport)
  await asker.link(other.address)
  const rows: Section['rows'][number][] = []
  for (const depth of DEPTHS) {
    await round(asker, other, depth, seconds / 4) // warms up
    rows.push({ name: `${depth} in flight`, values: await round(asker, other, depth, seconds) })
  }
  await new Promise<void>((resolve) => transport.stop(resolve))
  await other.end()
  const title = 'Transport: a frame of 200 bytes to another process and back, batched per turn'
  return [{ title, columns: COLUMNS, rows }]
}
