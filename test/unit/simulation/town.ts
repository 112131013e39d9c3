import { expect } from 'vitest'
import { SimulatedNetwork } from '../../../src/simulation/network.ts'
import { type Life, World } from '../../../src/simulation/world.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { Recorder } from '../../contract/transport-harness.ts'

export interface Process {
  readonly peer: string
  readonly address: string
  life: Life
  recorder: Recorder
}

/** Processes on a simulated network, each with a recorder. */
export class Town {
  readonly world: World
  readonly network: SimulatedNetwork
  #lives = 0

  constructor(seed: string) {
    this.world = new World(seed)
    this.network = new SimulatedNetwork(this.world)
  }

  process(name: string): Process {
    const address = `/ip4/10.0.0.${name.charCodeAt(0)}/tcp/7101`
    return { peer: name, address, ...this.#live(name, address) }
  }

  /** Ends the process as a signal would. */
  kill(process: Process): void {
    process.life.end()
    this.network.killed(process.life)
  }

  restart(process: Process): void {
    Object.assign(process, this.#live(process.peer, process.address))
  }

  run(ms: number): void {
    this.world.runUntil(this.world.now + ms)
  }

  link(a: Process, b: Process): void {
    a.recorder.transport.dial(b.address)
    const linked = (): boolean => a.recorder.links.has(b.peer) && b.recorder.links.has(a.peer)
    expect(this.world.runWhile(this.world.now + 1_000, linked)).toBe(true)
  }

  #live(name: string, address: string): { life: Life; recorder: Recorder } {
    const life = this.world.life(`${name}${++this.#lives}`)
    const transport = this.network.endpoint(life, name, 'node', address)
    return { life, recorder: new Recorder(transport, `hello of ${life.name}`) }
  }
}

export const numbers = (process: Process): number[] => process.recorder.texts().map(Number)

export function send(from: Process, to: Process, text: string | number): boolean {
  return from.recorder.transport.send(to.peer, [utf8(`${text}`)])
}
