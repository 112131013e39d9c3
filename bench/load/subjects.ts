import { Refused } from '../../cluster/refused.ts'
import type { Stage } from '../../cluster/stage.ts'
import { etcdVersion, fillEtcd, startEtcd } from '../rig/etcd.ts'
import { Generator } from '../rig/generator.ts'
import { fillKeyMesh, openClient, startKeyMesh } from '../rig/keymesh.ts'
import { type HttpCall, holdsValue, httpCall } from './http-calls.ts'
import { isCommitted, twoPuts } from './http-transactions.ts'
import {
  filled,
  isOfLocks,
  isTransaction,
  type Job,
  keysOf,
  type Load,
  type LockLoad,
  type Outcome,
  type Settings
} from './job.ts'
import type { Api, Options } from './options.ts'
import { pairDrawer, taggedPairs } from './pairs.ts'

/** What can be loaded, with who makes the load. */
export interface Subject {
  readonly api: Api
  readonly generator: Generator<Job, Outcome>
  /** Of the nodes behind it. */
  readonly pids: readonly number[]
  /** HTTP URLs of those that tell of the syncs of their logs. */
  readonly logged: readonly string[]
  /** Loads it does not offer, with what it answered. */
  readonly refused: ReadonlyMap<Load, string>
}

const CLIENT = new URL('./client-generator.ts', import.meta.url)
const HTTP = new URL('./http-generator.ts', import.meta.url)

/** Starts the clusters that are needed, with all keys written, and a generator for each API. */
export async function openSubjects(stage: Stage, options: Options): Promise<Subject[]> {
  const found: Subject[] = []
  if (options.only.some((api) => api !== 'etcd')) found.push(...(await openOurs(stage, options)))
  if (options.only.includes('etcd')) {
    const theirs = await openTheirs(stage, options)
    if (theirs !== undefined) found.push(theirs)
  }
  return found
}

async function openOurs(stage: Stage, options: Options): Promise<Subject[]> {
  const cluster = await startKeyMesh(stage, options.nodes, options.partitions)
  say(`${options.nodes} nodes of KeyMesh serve`)
  const value = filled(options.valueBytes)
  const kv = await openClient(cluster.seeds)
  await fillKeyMesh(kv, allKeys(options), value)
  await kv.close()
  const of = { pids: cluster.nodes.map(({ pid }) => pid), logged: cluster.urls }
  const found: Subject[] = []
  if (options.only.includes('client')) {
    const settings = settingsOf('keymesh', cluster.seeds, options)
    const generator = await Generator.start<Job, Outcome>(stage, CLIENT, settings)
    found.push({ api: 'client', generator, ...of, refused: new Map() })
  }
  if (options.only.includes('http')) {
    const settings = settingsOf('keymesh', cluster.urls, options)
    found.push({ api: 'http', ...of, ...(await openHttp(stage, settings, options.loads)) })
  }
  return found
}

async function openTheirs(stage: Stage, options: Options): Promise<Subject | undefined> {
  if (etcdVersion() === undefined) return undefined
  const etcd = await startEtcd(stage, options.nodes)
  say(`${options.nodes} nodes of etcd serve`)
  await fillEtcd(etcd.urls[0] ?? '', allKeys(options), filled(options.valueBytes))
  const settings = settingsOf('etcd', etcd.urls, options)
  const http = await openHttp(stage, settings, options.loads)
  return { api: 'etcd', pids: etcd.pids, logged: [], ...http }
}

function allKeys({ keys, loads }: Options): string[] {
  const tagged = loads.includes('tagged') ? taggedPairs(keys).flat() : []
  return [...keysOf(keys), ...tagged]
}

async function openHttp(
  stage: Stage,
  settings: Settings,
  loads: readonly Load[]
): Promise<Pick<Subject, 'generator' | 'refused'>> {
  const generator = await Generator.start<Job, Outcome>(stage, HTTP, settings)
  const refused = new Map<Load, string>()
  for (const load of loads) {
    if (isOfLocks(load)) {
      refused.set(load, 'locks are measured through the client')
      continue
    }
    const answer = await refusal(settings, load)
    if (answer === undefined) continue
    if (load !== 'eventual') throw new Refused(`${settings.api} refuses ${load}: ${answer}`)
    refused.set(load, answer)
  }
  return { generator, refused }
}

type WayOfHttp = Exclude<Load, LockLoad>

/** What one request of this load is refused with; undefined: it is answered as it should be. */
async function refusal(settings: Settings, load: WayOfHttp): Promise<string | undefined> {
  const value = filled(settings.valueBytes)
  const { method, path, body } = sample(settings, load, value)
  const init = body === undefined ? { method } : { method, body }
  const response = await fetch(`${settings.targets[0]}${path}`, init)
  const answer = new Uint8Array(await response.arrayBuffer())
  if (response.status !== 200) return `${response.status} ${Buffer.from(answer).toString()}`
  const isRight =
    load === 'put' ||
    (isTransaction(load)
      ? isCommitted(settings.api, Buffer.from(answer).toString())
      : holdsValue(settings.api, answer, value))
  if (isRight) return undefined
  throw new Refused(`${settings.api} answers ${load} with another value than was written`)
}

function sample(settings: Settings, load: WayOfHttp, value: Uint8Array): HttpCall {
  if (isTransaction(load)) return twoPuts(settings.api, pairDrawer(load, settings, 1)(), value)
  return httpCall(settings.api, load === 'mix' ? 'get' : load, keysOf(1)[0] ?? '', value)
}

/** How far it is; the table alone goes to stdout. */
function say(line: string): void {
  console.error(line)
}

function settingsOf(
  api: Settings['api'],
  targets: readonly string[],
  { keys, valueBytes, partitions }: Options
): Settings {
  return { api, targets, keys, valueBytes, partitions }
}
