import { type Answered, ok, type Respond, rejected } from '../partition/answer.ts'
import type { ReplicaHost } from '../partition/host.ts'
import type { Replica } from '../partition/replica.ts'
import type { ClusterMap } from '../wire/cluster-map.ts'
import type { NodeId } from '../wire/ids.ts'
import { KEY_BYTES_MAX, TIMEOUT_MS_MAX } from '../wire/limits.ts'
import type { Request } from '../wire/request.ts'

/** What the door asks of the node behind it. */
export interface DoorShell {
  readonly host: ReplicaHost
  map(): ClusterMap | undefined
  /** An encoded ClusterView; undefined before there is a map. */
  view(): Uint8Array | undefined
  leaderOf(group: number): NodeId | undefined
}

/** Requests inside at once; over it they are refused before any work is done. */
const INSIDE_MAX = 20_000
/** Bytes of their bodies. */
const INSIDE_BYTES_MAX = 64 * 1024 * 1024

const EMPTY = new Uint8Array(0)

/**
 * Where requests enter a node, whoever sent them: admits, finds the replica, sees that it answers.
 */
export class Door {
  readonly #shell: DoorShell
  #inside = 0
  #insideBytes = 0
  #closing = false

  constructor(shell: DoorShell) {
    this.#shell = shell
  }

  /** Requests being worked on. */
  get inside(): number {
    return this.#inside
  }

  /** From now on nothing new is let in. */
  close(): void {
    this.#closing = true
  }

  /** `respond` is called exactly once, at once or later. */
  enter(request: Request, respond: Respond): void {
    const refusal = this.#refusal(request)
    if (refusal !== undefined) {
      respond(refusal)
      return
    }
    this.#inside++
    this.#insideBytes += request.body.length
    this.#serve(request, (answer) => {
      this.#inside--
      this.#insideBytes -= request.body.length
      respond(answer)
    })
  }

  #refusal(request: Request): Answered | undefined {
    const map = this.#shell.map()
    if (request.kind === 'map') return undefined
    if (map === undefined) return rejected('not_leader', 'this node belongs to no cluster yet')
    if (request.clusterId !== map.clusterId) {
      return rejected('wrong_cluster', 'the request is for another cluster')
    }
    if (request.epoch < map.epoch) return rejected('wrong_epoch', 'the map moved on')
    if (request.timeoutMs > TIMEOUT_MS_MAX) {
      return rejected('invalid_argument', `timeout is over ${TIMEOUT_MS_MAX} ms`)
    }
    if (this.#closing) return rejected('not_leader', 'this node is stopping')
    if (this.#inside >= INSIDE_MAX || this.#insideBytes >= INSIDE_BYTES_MAX) {
      return rejected('overloaded', 'this node has too many requests inside', { waitMs: 50 })
    }
    return undefined
  }

  #serve(request: Request, respond: Respond): void {
    const { kind, group, body } = request
    if (kind === 'map') {
      const view = this.#shell.view()
      respond(view === undefined ? rejected('not_leader', 'no map yet') : ok(0, view))
      return
    }
    const replica = this.#shell.host.get(group)
    if (replica === undefined) {
      const leader = this.#shell.leaderOf(group) ?? ''
      respond(rejected('not_leader', `group ${group} is not on this node`, { leader }))
      return
    }
    if (kind === 'basis') respond(ok(replica.state.applied.index, EMPTY))
    else if (kind === 'mutate') replica.mutate(body, respond)
    else this.#get(replica, body, respond)
  }

  #get(replica: Replica, key: Uint8Array, respond: Respond): void {
    if (key.length === 0 || key.length > KEY_BYTES_MAX) {
      respond(rejected('invalid_argument', `a key has 1 to ${KEY_BYTES_MAX} bytes`))
      return
    }
    const failed = (): void => {
      const leader = replica.isLeader ? '' : (replica.leaderNode ?? '')
      respond(rejected('not_leader', `this node does not lead group ${replica.group}`, { leader }))
    }
    this.#shell.host.read(replica, () => replica.answerRead(key, respond), failed)
  }
}
