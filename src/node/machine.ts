import type { ClientDriver } from '../client/driver.ts'
import type { ReplicaHost } from '../partition/host.ts'
import type { Link } from '../transport/transport.ts'
import type { ClusterMap, ClusterView } from '../wire/cluster-map.ts'
import { ADDRESSES_MAX, encodeClusterView } from '../wire/cluster-map-codec.ts'
import type { GroupId, NodeId } from '../wire/ids.ts'
import { Balance } from './balance.ts'
import { ClusterClock } from './cluster-clock.ts'
import { clusterViewOf } from './cluster-view.ts'
import { type DiskRoom, openRoom } from './disk-room.ts'
import { Door } from './door.ts'
import { firstMap } from './first-map.ts'
import { Frames } from './frames.ts'
import { openGateway } from './gateway.ts'
import { Guard, isForTheOperator } from './guard.ts'
import { Handover } from './handover.ts'
import { openIdentity, saveIdentity, UnusableData } from './identity.ts'
import { illsOf } from './ills.ts'
import { InsideTransport } from './inside.ts'
import { type Keeping, openKeeping } from './keeping.ts'
import { Leaders } from './leaders.ts'
import { LinkLog } from './link-log.ts'
import { Lives } from './lives.ts'
import type { MachineOptions } from './machine-options.ts'
import { readFoundingMap, readMap, saveFoundingMap, saveMap } from './map-files.ts'
import { Membership, type Refusal, type Self } from './membership.ts'
import { Mesh } from './mesh.ts'
import { openReplicas } from './open-replicas.ts'
import { Registration } from './registration.ts'
import { RequestWatch } from './request-watch.ts'
import { NodeTransactions } from './transactions.ts'

const STATUS_MS = 1_000
/** A node without a link for so long is shown as down. */
const DOWN_AFTER_MS = 10_000
/** Out of step with a leader's check of its quorum: right after it nobody counts as active. */
const BALANCE_MS = 1_100
/** What calls from inside may still take when the node stops: all of it must fit 10 s. */
const GATEWAY_GRACE_MS = 1_500
/** Replicas compare their digests so often. */
const AUDIT_MS = 10_000

/**
 * One node, whole: takes every input its ports bring and acts through them. Synchronous; the same
 * inputs make the same node. Its parts know each other only through what is passed here.
 */
export class NodeMachine {
  /** Answers calls from inside this process: what the HTTP door and `createNode` use. */
  readonly gateway: ClientDriver
  /** Its calls, watched. */
  readonly call: ClientDriver['call']
  readonly membership: Membership
  readonly mesh: Mesh
  readonly door: Door
  readonly leaders = new Leaders()
  readonly keeping: Keeping
  readonly links: LinkLog
  readonly watch: RequestWatch
  readonly time: ClusterClock
  readonly room: DiskRoom
  readonly transactions: NodeTransactions
  /** The transport behind the gateway, for the frames that are its own. */
  readonly inside: InsideTransport
  readonly #options: MachineOptions
  readonly #guard: Guard
  readonly #frames: Frames
  readonly #registration: Registration
  readonly #handover: Handover
  readonly #balance: Balance
  readonly #bootNonce: number
  #replicasOpen = false
  #wasReady = false
  #stopping = false
  #ended = false
  #tickDue = Number.POSITIVE_INFINITY
  #statusAt = 0
  #balanceAt = 0
  #auditAt = 0

  /** Opens identity, log and state. Throws UnusableData, LogCorrupt, or DiskFault. */
  constructor(ports: MachineOptions) {
    const fatal = (fault: Error): void => this.#fail(fault)
    const guard = new Guard(fatal)
    const { room, options } = openRoom(guard.ports(ports), fatal)
    this.room = room
    const { transport, clock, timers, random, disk, forming } = options
    this.#options = options
    this.#guard = guard
    this.time = new ClusterClock(clock)
    this.#bootNonce = random.fork('boot').below(0x1_0000_0000)
    const identity = openIdentity(disk, transport.self, random.fork('identity'))
    const lives = new Lives(options.store)
    this.membership = new Membership(identity, { map: readMap(disk), forming, lives })
    this.mesh = new Mesh(transport, {
      seeds: options.seeds,
      random: random.fork('mesh'),
      onGone: (peer) => this.host.leaderGone(peer),
      isFit: (peer) => this.time.isFit(peer) && this.room.levelOf(peer) === 'ok'
    })
    this.#frames = new Frames(this, transport, this.#bootNonce, (map) => this.#learn(map))
    this.transactions = new NodeTransactions(clock, options.limits, (...call) =>
      this.gateway.call(...call)
    )
    this.keeping = openKeeping(options, identity, {
      bootNonce: this.#bootNonce,
      trusted: this.time,
      room: this.room,
      lifeNotes: () => lives.notes((storeId) => this.membership.isRegistered(storeId)),
      isLinked: (node) => this.mesh.link(node) !== undefined,
      tellDigests: (claims) => this.#frames.tellDigests(claims),
      onDamage: (group) => this.#noteDamage(group),
      fatal,
      fill: () => this.door.fill(),
      transactions: this.transactions,
      leads: (group) => this.gateway.lead(group, transport.self),
      ended: () => this.#ended
    })
    const { host } = this.keeping
    this.watch = new RequestWatch({ ...options, host })
    this.door = this.#newDoor(host)
    this.inside = new InsideTransport(transport, timers, (frame) => this.#frames.fromInside(frame))
    this.gateway = openGateway(this.inside, { clock, timers, random })
    this.call = this.watch.around(this.gateway)
    this.links = new LinkLog(options.logger)
    this.#registration = new Registration(this.gateway, this.membership, clock)
    this.#handover = new Handover(host, this.mesh, { clock, timers })
    this.#balance = new Balance(host, this.mesh, clock)
  }

  #newDoor(host: ReplicaHost): Door {
    return new Door({
      watch: this.watch,
      host,
      scans: this.keeping.scans,
      map: () => this.membership.map,
      view: () => this.#encodedView(),
      callerOf: (peer) => this.mesh.callerOf(peer),
      leaderOf: (group) => this.leaders.of(group, host.get(group))
    })
  }

  #noteDamage(group: GroupId): void {
    const { identity } = this.membership
    const damaged = [...identity.damaged, group]
    this.membership.changeIdentity(saveIdentity(this.#options.disk, { ...identity, damaged }))
  }

  get host(): ReplicaHost {
    return this.keeping.host
  }

  /** Starts to serve. Requires: called once. */
  start(): void {
    this.gateway.start(() => {})
    const { map } = this.membership
    if (map !== undefined) {
      this.#openReplicas(map, () => this.#connect())
      return
    }
    // A founding map on the disk is a cluster, even if the process ended before it had joined.
    const { founding } = this
    if (founding !== undefined) this.#learn(founding)
    this.#connect()
  }

  /** Why this node is not ready yet, in words; empty when it is (contract §5, /readyz). */
  get unready(): readonly string[] {
    const reasons: string[] = []
    if (this.#stopping) reasons.push('this node is stopping')
    if (!this.membership.isMember) reasons.push('this node belongs to no cluster yet')
    else if (!this.#replicasOpen) reasons.push('the replicas of this node are being opened')
    if (this.room.ill !== undefined) reasons.push(this.room.ill)
    return [...reasons, ...this.links.reasons, ...illsOf(this.host.replicas())]
  }

  /** Whether `node` can be worked with: it is linked, or was a moment ago. */
  isReachable(node: NodeId): boolean {
    return this.mesh.isReachable(node, DOWN_AFTER_MS, this.#options.clock.monotonic())
  }

  /** The map the cluster began with, if this node was there. */
  get founding(): ClusterMap | undefined {
    return readFoundingMap(this.#options.disk)
  }

  view(): ClusterView | undefined {
    const { map } = this.membership
    return map === undefined ? undefined : clusterViewOf(this, map)
  }

  /**
   * Hands leadership over, finishes what is inside, makes all durable, closes; then `done`, unless
   * the node fails before.
   */
  stop(done: () => void): void {
    if (this.#stopping) return
    this.#stopping = true
    const { flusher, log } = this.keeping
    // One that fails meanwhile is let go of by whoever runs it: then `done` is not called.
    const next = (run: () => void) => (): void => {
      if (!this.#ended) run()
    }
    const close = next(() => this.#close(done))
    const commit = next(() =>
      log.commit((fault) => (fault === undefined ? close() : this.#fail(fault)))
    )
    const flush = next(() => flusher.flush(commit))
    this.#handover.run(
      next(() => {
        this.door.close()
        this.gateway.close(flush, GATEWAY_GRACE_MS)
      })
    )
  }

  #close(done: () => void): void {
    this.#ended = true
    this.host.stop()
    const { log, overlay } = this.keeping
    this.#options.transport.stop(() => log.close(() => overlay.close(done)))
  }

  get stopping(): boolean {
    return this.#stopping
  }

  #connect(): void {
    const { transport, timers, limits } = this.#options
    const handlers = {
      hello: () => this.#frames.hello(this.#self()),
      up: (link: Link) => this.#up(link),
      frame: this.#frames.frame.bind(this.#frames),
      down: this.#frames.down.bind(this.#frames),
      dialFailed: this.#frames.dialFailed.bind(this.#frames)
    }
    transport.start(this.#guard.handlers(handlers))
    this.inside.selfUp(this.#frames.ownHello(this.#self()))
    const { map } = this.membership
    if (map !== undefined) this.#spread(map)
    const tick = (): void => {
      if (this.#ended) return
      this.#tick()
      timers.after(limits.tickMs, tick)
    }
    tick()
  }

  #up(link: Link): void {
    const verdict = this.membership.judge(link)
    if (verdict.type === 'welcome') this.#frames.up(link, verdict.hello)
    else if (verdict.type === 'refuse') this.#refuse(link, verdict)
    else this.#fail(new UnusableData('two nodes were started with --bootstrap: use exactly one'))
  }

  #refuse(link: Link, { reason, bootNonce }: Refusal): void {
    if (reason === 'wrong_cluster' && link.address !== undefined && !this.#wasReady) {
      const own = this.membership.identity.clusterId
      const where = `the node at the seed ${link.address}`
      this.#fail(
        new UnusableData(`the data directory belongs to cluster ${own}, not to that of ${where}`)
      )
      return
    }
    this.#frames.refuse(link.peer, reason, bootNonce)
  }

  #tick(): void {
    const { clock, limits } = this.#options
    const now = clock.monotonic()
    this.room.tick()
    this.mesh.tick(now)
    this.host.tick()
    this.door.tick(now, now - this.#tickDue)
    this.#tickDue = now + limits.tickMs
    if (!this.#stopping) this.keeping.flusher.tick()
    // A log that failed in it ended the node: nothing more is written or said.
    if (this.#ended) return
    this.keeping.tick(now)
    this.#maybeForm()
    this.#wasReady ||= this.unready.length === 0
    if (this.room.level !== 'ok' && !this.#stopping) this.#handover.pass()
    if (this.room.takeNews() || now >= this.#statusAt) {
      this.#statusAt = now + STATUS_MS
      this.#frames.tellStatus()
      if (this.time.tick() && !this.#stopping) this.#handover.pass()
    }
    if (now >= this.#balanceAt && !this.#stopping) {
      this.#balanceAt = now + BALANCE_MS
      this.#balance.tick()
    }
    if (now >= this.#auditAt) {
      this.#auditAt = now + AUDIT_MS
      this.keeping.audit.tick()
    }
    this.#learnFromSystemGroup()
    if (!this.#stopping) this.transactions.tick(this.host)
    if (!this.#stopping) this.#registration.tick(this.#self())
  }

  #self(): Self {
    const { transport, http, zone } = this.#options
    const addresses = transport
      .addresses()
      .slice(0, ADDRESSES_MAX)
      .map((address) => address.replace(/\/p2p\/.*$/, ''))
    return { addresses, http, zone }
  }

  #maybeForm(): void {
    const nodes = this.membership.readyToForm(this.#self(), this.mesh.seedsReached)
    if (nodes === undefined) return
    const { forming, random } = this.#options
    this.#learn(firstMap(nodes, forming, random.fork('cluster')))
  }

  /** The system group's replica here may have applied a newer map than the node goes by. */
  #learnFromSystemGroup(): void {
    const map = this.host.get(0)?.state.clusterMap()
    if (map !== undefined && map.epoch > (this.membership.map?.epoch ?? 0)) this.#learn(map)
  }

  /** A map, from whichever side: keeps it if it is newer, joins the cluster if it names us. */
  #learn(map: ClusterMap): void {
    const { membership } = this
    const { disk, logger } = this.#options
    const objection = membership.objection(map)
    if (objection !== undefined) {
      if (!membership.isMember) this.#fail(new UnusableData(objection))
      else logger.log('warn', 'map refused', { reason: objection })
      return
    }
    const known = membership.map?.epoch ?? 0
    if (map.epoch < known || (map.epoch === known && membership.isMember)) return
    const { nodeId } = membership.identity
    const joins = !membership.isMember && map.nodes.some((node) => node.id === nodeId)
    const placed = map.placements.some(({ members }) => members.some(({ node }) => node === nodeId))
    // A first member's replicas begin with the founding map, whatever came after it.
    if (joins && placed && map.epoch !== 1) return
    if (joins && placed && this.founding === undefined) saveFoundingMap(disk, map)
    if (joins || membership.isMember) saveMap(disk, map)
    membership.changeMap(map)
    if (joins) {
      const { clusterId } = map
      membership.changeIdentity(saveIdentity(disk, { ...membership.identity, clusterId }))
      logger.log('info', 'joined the cluster', { clusterId, nodes: map.nodes.length })
      this.#openReplicas(map, () => {})
    }
    this.#spread(map)
  }

  /** Tells everybody who goes by the map that it changed. */
  #spread(map: ClusterMap): void {
    for (const { id, addresses } of map.nodes) this.mesh.want({ node: id, addresses })
    const view = this.view()
    if (view !== undefined) this.gateway.learn(view)
    this.#frames.tellMap()
  }

  #openReplicas(map: ClusterMap, done: () => void): void {
    const { transport, random, limits, stateLimits, disk } = this.#options
    const founding = (): ClusterMap => {
      const found = readFoundingMap(disk)
      if (found === undefined) throw new UnusableData('founding-map is gone: restore it')
      return found
    }
    const fatal = (fault: Error): void => this.#fail(fault)
    const { host } = this.keeping
    const { self } = transport
    const shell = { ...this.keeping, self, random, limits, stateLimits, founding, fatal }
    openReplicas(shell, map, () => {
      this.keeping.log.commit((fault) => {
        if (fault !== undefined) {
          fatal(fault)
          return
        }
        const { identity } = this.membership
        if (!identity.logBorn && this.keeping.log.groups().length > 0) {
          this.membership.changeIdentity(saveIdentity(disk, { ...identity, logBorn: true }))
        }
        for (const group of identity.damaged) {
          host.get(group)?.condemn(`group ${group}: its state here was found to be damaged`)
        }
        this.#replicasOpen = true
        done()
      })
    })
  }

  #encodedView(): Uint8Array | undefined {
    const view = this.view()
    return view === undefined ? undefined : encodeClusterView(view)
  }

  #fail(fault: Error): void {
    if (this.#ended) return
    this.#ended = true
    this.host.stop()
    this.#options.fatal(fault, isForTheOperator(fault) ? 2 : 1)
  }
}
