import { Malformed } from '../../src/wire/bytes.ts'
import { Group, type Packet } from '../unit/raft/group.ts'
import { Oracle } from '../unit/raft/oracle.ts'

// A script is lines of a command and its arguments; replicas are numbers, links are `from>to`.
//
//   group N [learners=N] [disks=held] [entries-per-append=N]   the first line
//   tick R N · tick all N        time passes
//   campaign R · propose R TEXT · transfer R TO · step-down R · leader-gone R
//   deliver FROM>TO [TYPE]       the oldest packet of this link (and type) arrives
//   repeat FROM>TO [TYPE]        the same, but it stays in the network and will arrive again
//   drop FROM>TO [TYPE]          it is lost
//   none FROM>TO [TYPE]          fails if there is such a packet
//   settle                       everything arrives and is synced until nothing is left
//   sync R                       R's oldest batch is durable (disks=held)
//   cut A>B · isolate R · heal   links lose what enters them
//   crash R · restart R          unsynced records are lost
//   flush R [keep=N]             R's state is durable and its log dropped, but for N entries
//   status                       one line a replica

const SETTLE_MAX = 10_000

/** Runs a script; returns it with everything that happened under each of its lines. */
export function runScript(text: string): string {
  const out: string[] = []
  let script: Script | undefined
  for (const line of text.split('\n')) {
    out.push(line)
    const words = line.replace(/#.*/, '').trim().split(/\s+/)
    const [command = '', ...rest] = words
    if (command === '') continue
    if (command === 'group') script = new Script(rest, (shown) => out.push(shown))
    else if (script === undefined) throw new Malformed('a script starts with `group`')
    else script.run(command, rest)
  }
  return out.join('\n')
}

class Script {
  readonly #group: Group
  readonly #out: (line: string) => void
  readonly #cuts = new Set<string>()
  readonly #held: boolean

  constructor(words: readonly string[], out: (line: string) => void) {
    const option = (name: string): string | undefined =>
      words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1)
    const oracle = new Oracle()
    this.#out = out
    this.#held = option('disks') === 'held'
    this.#group = new Group({
      seed: 'scenario',
      replicas: number(words[0]),
      learners: number(option('learners') ?? '0'),
      syncAtOnce: !this.#held,
      observer: oracle,
      trace: out,
      raft: option('entries-per-append') === '1' ? { appendBytesMax: 1 } : {}
    })
    oracle.watch(this.#group)
  }

  run(command: string, words: readonly string[]): void {
    const group = this.#group
    switch (command) {
      case 'tick':
        this.#tick(words[0] ?? '', number(words[1]))
        break
      case 'settle':
        this.#settle()
        break
      case 'deliver':
      case 'repeat':
      case 'drop':
        this.#move(command, this.#find(words))
        break
      case 'none':
        if (this.#at(words) >= 0) throw new Malformed(`it was sent: ${words.join(' ')}`)
        break
      case 'cut':
        this.#cuts.add(words[0] ?? '')
        break
      case 'isolate':
        for (const id of group.nodes.keys())
          this.#cuts.add(`${words[0]}>${id}`).add(`${id}>${words[0]}`)
        break
      case 'heal':
        this.#cuts.clear()
        break
      case 'status':
        this.#showStatus()
        break
      default:
        this.#act(command, number(words[0]), words.slice(1))
    }
    this.#loseCut()
  }

  #act(command: string, id: number, words: readonly string[]): void {
    const group = this.#group
    switch (command) {
      case 'campaign':
      case 'step-down':
      case 'leader-gone':
        group.step(id, { type: command })
        break
      case 'transfer':
        group.step(id, { type: 'transfer', to: number(words[0]) })
        break
      case 'propose':
        group.propose(id, words[0] ?? '')
        break
      case 'sync':
        if (!group.sync(group.node(id))) throw new Malformed(`${id} has nothing to sync`)
        break
      case 'crash':
        group.crash(id, 0)
        break
      case 'restart':
        group.restart(id)
        break
      case 'flush':
        group.flush(id, number((words[0] ?? 'keep=0').replace('keep=', '')))
        break
      default:
        throw new Malformed(`no command ${command}`)
    }
  }

  #tick(who: string, count: number): void {
    const ids = who === 'all' ? [...this.#group.nodes.keys()] : [number(who)]
    for (let i = 0; i < count; i++) {
      for (const id of ids) this.#group.step(id, { type: 'tick' })
      this.#loseCut()
    }
  }

  #settle(): void {
    const { nodes, network } = this.#group
    for (let i = 0; i < SETTLE_MAX; i++) {
      this.#loseCut()
      let busy = false
      for (const node of nodes.values()) busy = (this.#held && this.#group.sync(node)) || busy
      if (this.#group.network.length > 0) {
        this.#group.deliver(0)
        busy = true
      }
      if (!busy) return
    }
    throw new Malformed(`no end: ${network.length} packets`)
  }

  #move(command: string, at: number): void {
    const packet = this.#group.network[at] as Packet
    if (command === 'drop') this.#group.drop(at)
    else this.#group.deliver(at)
    if (command === 'repeat') this.#group.network.push(packet)
  }

  #find(words: readonly string[]): number {
    const at = this.#at(words)
    if (at < 0) throw new Malformed(`nothing to deliver: ${words.join(' ')}`)
    return at
  }

  #at([link = '', type]: readonly string[]): number {
    return this.#group.network.findIndex(
      (packet) => linkOf(packet) === link && (type === undefined || typeOf(packet) === type)
    )
  }

  #loseCut(): void {
    for (let at = this.#group.network.length - 1; at >= 0; at--) {
      if (this.#cuts.has(linkOf(this.#group.network[at] as Packet))) this.#group.drop(at)
    }
  }

  #showStatus(): void {
    for (const { id, alive, raft, state } of this.#group.nodes.values()) {
      const { role, term, leader, commit, firstIndex, lastIndex } = raft.status
      const log = `log=${firstIndex}..${lastIndex} commit=${commit} applied=${state.mark.index}`
      const shown = `${role} term=${term} leader=${leader} ${log}`
      this.#out(`  ${id} ${alive ? shown : 'down'} [${state.items.join(' ')}]`)
    }
  }
}

const linkOf = (packet: Packet): string => {
  const { from, to } = packet.type === 'message' ? packet.message : packet
  return `${from}>${to}`
}

const typeOf = (packet: Packet): string =>
  packet.type === 'message' ? packet.message.type : 'snapshot'

function number(word: string | undefined): number {
  const value = Number(word)
  if (word === undefined || !Number.isSafeInteger(value)) throw new Malformed(`no number: ${word}`)
  return value
}
