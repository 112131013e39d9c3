import fs from 'node:fs'
import path from 'node:path'
import { writeFenced } from '../client/fenced-write.ts'
import { LockKeeper } from '../client/lock-keeper.ts'
import { runTransaction } from '../client/transactor.ts'
import { Watcher } from '../client/watcher.ts'
import type { Calls } from '../gateway/calls.ts'
import { type HttpDoor, openHttp } from '../gateway/http.ts'
import { metricsText } from '../gateway/metrics-text.ts'
import { spaceUnder } from '../storage/file-space.ts'
import { openFiles } from '../storage/files.ts'
import { openLevel } from '../storage/level.ts'
import { DiskCounts, meteredDisk } from '../storage/metered-disk.ts'
import { releaseToStart } from '../storage/reserve.ts'
import { generateIdentity, peerIdOf } from '../transport/identity.ts'
import { type Libp2pTransport, openLibp2p } from '../transport/libp2p.ts'
import { isDialable } from '../transport/libp2p-address.ts'
import type { ClusterSettings } from '../wire/cluster-map.ts'
import { failure } from '../wire/failure.ts'
import { DiskFault } from '../world/disk.ts'
import { type Logger, silent } from '../world/log.ts'
import { realClock, realTimers, systemRandom } from '../world/real.ts'
import { announcedHttp } from './announced-http.ts'
import { limitsFor, type NodeLimits } from './config.ts'
import { checkDataDirectory, markDataDirectory } from './data-directory.ts'
import { UnusableData } from './identity.ts'
import { closed, Life, type Opened, stopped } from './life.ts'
import { NodeMachine } from './machine.ts'
import { makeDirectory } from './make-directory.ts'
import { NODE_METRICS } from './metrics.ts'
import {
  type CheckedOptions,
  checkOptions,
  InvalidOptions,
  type NodeOptions,
  noMultiaddr
} from './options.ts'
import { survey } from './survey.ts'

/** A node of this process, listening. */
export interface RunningNode {
  readonly machine: NodeMachine
  /** Undefined: it has no HTTP API. */
  readonly http: URL | undefined
  /** An address to reach it by, with its `/p2p/ID`. */
  readonly p2p: string
  /** Resolves when it is a member and its replicas have had a leader; rejects if it ends before. */
  readonly ready: Promise<void>
  /** Hands leadership over, finishes what is inside, closes. Idempotent. */
  stop(): Promise<void>
}

const KEY_FILE = 'node.key'

/**
 * The data directory: `format`, `node.key` (secret: who has it is this node), `log/` (the segmented
 * log, the identity and the maps) and `state/` (LevelDB, whose lock is the lock of the whole
 * directory).
 */
interface Place extends Opened {
  readonly transport: Libp2pTransport
  readonly http: HttpDoor | undefined
}

/**
 * Starts a node. Rejects with InvalidOptions, UnusableData, StoreLocked, StoreNewer or LogCorrupt
 * when the operator must act, DiskFault when the disk does not obey; nothing stays open then.
 */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const checked = checkOptions(options)
  for (const seed of checked.seeds) checkDialable('seed', seed)
  for (const address of checked.announce) checkDialable('announce', address)
  const logger = options.logger ?? silent
  checkDataDirectory(checked.data)
  makeData(checked.data)
  const limits = limitsFor(spaceUnder(checked.data).totalBytes)
  const opened = await open(checked, limits, logger)
  const { transport, http } = opened
  const onFatal = options.onFatal ?? (() => {})
  const life = new Life({ opened, clock: realClock, timers: realTimers, logger, onFatal })
  const disk = new DiskCounts()
  let machine: NodeMachine
  try {
    machine = new NodeMachine({
      transport,
      store: opened.store,
      disk: meteredDisk(openFiles(logIn(checked.data)), realClock, disk),
      clock: realClock,
      timers: realTimers,
      random: systemRandom(),
      logger,
      limits,
      seeds: checked.seeds,
      forming: checked.forming,
      http: http === undefined ? '' : announcedHttp(http.url, transport.addresses()),
      zone: checked.zone,
      slowMs: checked.slowMs,
      fatal: (fault, exitCode) => life.fail(fault, exitCode)
    })
    onDisk(`mark ${checked.data}`, () => markDataDirectory(checked.data))
    machine.start()
  } catch (error) {
    await life.abandon()
    throw error
  }
  life.run(machine)
  tellOpened(machine, options, logger)
  http?.serve(callsOf(machine, () => tellMetrics(machine, transport, disk)))
  const p2p = transport.addresses()[0] ?? `/p2p/${transport.self}`
  return { machine, http: http?.url, p2p, ready: life.ready, stop: () => life.stop() }
}

/** What it found in its data, and what that makes of its options. */
function tellOpened(
  { membership, keeping }: NodeMachine,
  asked: NodeOptions,
  logger: Logger
): void {
  const { nodeId, clusterId } = membership.identity
  const belongs = clusterId === '' ? {} : { cluster: clusterId }
  logger.log('info', 'opened', { node: nodeId, ...belongs, logBytes: keeping.log.bytes })
  if (clusterId === '' && asked.bootstrap !== true && (asked.seeds ?? []).length === 0) {
    const advice = 'give --seed to join one, or --bootstrap to form one'
    logger.log('warn', 'belongs to no cluster', { advice })
  }
  const fixed = membership.map?.settings
  if (fixed !== undefined) tellIgnored(asked, fixed, logger)
}

/** What was set when the cluster was formed is not set again by starting a node. */
function tellIgnored(asked: NodeOptions, fixed: ClusterSettings, logger: Logger): void {
  const ignored = (['partitions', 'replicas'] as const).filter((name) => {
    return asked[name] !== undefined && asked[name] !== fixed[name]
  })
  if (ignored.length === 0) return
  const told = Object.fromEntries(ignored.map((name) => [name, fixed[name]]))
  const advice = `${ignored.join(' and ')} were set when the cluster was formed, and stay so`
  logger.log('warn', 'settings ignored', { ...told, advice })
}

/** What follows `/p2p/` must be the id of a node, which only libp2p can tell. */
function checkDialable(name: string, address: string): void {
  if (!isDialable(address)) throw new InvalidOptions(noMultiaddr(name, address))
}

const STOPPING = failure('unavailable', 'this node is stopping; another one goes on')

/** What the HTTP API asks of `machine`. */
function callsOf(machine: NodeMachine, metrics: () => string): Calls {
  const { clock, timers, random, turns } = machine.gateway
  const shell = {
    call: machine.call,
    clock,
    timers,
    random,
    turns,
    get view() {
      return machine.view()
    }
  }
  const locks = new LockKeeper(shell)
  return {
    call: machine.call,
    transact: (request, call, done) => runTransaction(shell, request, call, done),
    lock: (wanted, call, done) => locks.request(wanted, call, done),
    watch: (request, onNews) => {
      return new Watcher(shell, { ...request, near: machine.inside.self }, onNews)
    },
    writeFenced: (change, call, done) => writeFenced(shell, change, call, done),
    stopping: () => locks.end(STOPPING, () => {}),
    isShedding: () => machine.gateway.isShedding,
    shedMs: (kind, key) => machine.watch.shedMs(machine.gateway, kind, key),
    view: () => machine.view(),
    clusterId: () => machine.membership.map?.clusterId ?? '',
    time: () => machine.time.now(),
    unready: () => machine.unready,
    isReachable: (node) => machine.isReachable(node),
    metrics
  }
}

function tellMetrics(machine: NodeMachine, transport: Libp2pTransport, disk: DiskCounts): string {
  const groups = survey(machine.host)
  return metricsText(NODE_METRICS, { machine, groups, traffic: transport.traffic(), disk })
}

/** libp2p wraps what the system says in advice for whoever uses libp2p. */
const CANNOT_LISTEN = [
  ['EADDRINUSE', 'the address is in use'],
  ['EADDRNOTAVAIL', 'this machine has no such address'],
  ['EACCES', 'this user may not listen there'],
  ['ENOTFOUND', 'the name is not known']
] as const

const logIn = (data: string): string => path.join(data, 'log')

/** Opens the parts one by one; what is open is closed again when a later one does not. */
async function open(checked: CheckedOptions, limits: NodeLimits, logger: Logger): Promise<Place> {
  releaseToStart(openFiles(logIn(checked.data)), limits.diskReserveBytes)
  const store = await openLevel(path.join(checked.data, 'state'), limits)
  let transport: Libp2pTransport | undefined
  try {
    const privateKey = await nodeKey(path.join(checked.data, KEY_FILE))
    const { listen, announce, clusterKey } = checked
    transport = await listening(
      listen.join(', '),
      openLibp2p({ privateKey, listen, announce, clusterKey, role: 'node' })
    )
    const { http: place, httpToken: token } = checked
    if (place === undefined) return { store, transport, http: undefined }
    const http = await listening(`${place.host}:${place.port}`, openHttp({ place, token, logger }))
    return { store, transport, http }
  } catch (error) {
    if (transport !== undefined) await stopped(transport)
    await closed(store)
    throw error
  }
}

function makeData(directory: string): void {
  try {
    makeDirectory(directory)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new InvalidOptions(`data: cannot create ${directory}: ${reason}`, { cause })
  }
}

/** An address that cannot be listened on is the operator's to mend. */
async function listening<T>(where: string, opening: Promise<T>): Promise<T> {
  try {
    return await opening
  } catch (cause) {
    const whole = cause instanceof Error ? cause.message : String(cause)
    const known = CANNOT_LISTEN.find(([code]) => whole.includes(code))
    const reason = known?.[1] ?? whole.split('\n')[0]
    throw new InvalidOptions(`cannot listen on ${where}: ${reason}`, { cause })
  }
}

/** The node's private key, made at the first start: its directory entry is durable before use. */
async function nodeKey(file: string): Promise<Uint8Array> {
  if (!fs.existsSync(file)) {
    const fresh = await generateIdentity()
    onDisk(`write ${file}`, () => {
      fs.writeFileSync(`${file}~`, fresh, { mode: 0o600, flush: true })
      fs.renameSync(`${file}~`, file)
      const directory = fs.openSync(path.dirname(file), 'r')
      fs.fsyncSync(directory)
      fs.closeSync(directory)
    })
  }
  const key = onDisk(`read ${file}`, () => fs.readFileSync(file))
  try {
    peerIdOf(key)
  } catch (cause) {
    throw new UnusableData(`${file} is damaged: restore it, or start with an empty directory`, {
      cause
    })
  }
  return key
}

function onDisk<T>(what: string, run: () => T): T {
  try {
    return run()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new DiskFault(`cannot ${what}: ${reason}`, { cause })
  }
}
