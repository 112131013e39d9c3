import { Refused } from '../../cluster/refused.ts'
import type { Stage } from '../../cluster/stage.ts'
import { etcdVersion, fillEtcd, startEtcd } from '../rig/etcd.ts'
import { Generator } from '../rig/generator.ts'
import { fillKeyMesh, openClient, startKeyMesh } from '../rig/keymesh.ts'
import { holdsValue, httpCall } from './http-calls.ts'
import { filled, type Job, keysOf, LOADS, type Load, type Outcome, type Settings } from './job.ts'
import type { Api, Options } from './options.ts'

/** What can be loaded, with who makes the load. */
export interface Subject {
  readonly api: Api
  readonly generator: Generator<Job, Outcome>
  /** Of the nodes behind it. */
  readonly pids: readonly number[]
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
  await fillKeyMesh(kv, keysOf(options.keys), value)
  await kv.close()
  const pids = cluster.nodes.map(({ pid }) => pid)
  const found: Subject[] = []
  if (options.only.includes('client')) {
    const settings = settingsOf('keymesh', cluster.seeds, options)
    const generator = await Generator.start<Job, Outcome>(stage, CLIENT, settings)
    found.push({ api: 'client', generator, pids, refused: new Map() })
  }
  if (options.only.includes('http')) {
    const settings = settingsOf('keymesh', cluster.urls, options)
    found.push({ api: 'http', pids, ...(await openHttp(stage, settings)) })
  }
  return found
}

async function openTheirs(stage: Stage, options: Options): Promise<Subject | undefined> {
  if (etcdVersion() === undefined) return undefined
  const etcd = await startEtcd(stage, options.nodes)
  say(`${options.nodes} nodes of etcd serve`)
  await fillEtcd(etcd.urls[0] ?? '', keysOf(options.keys), filled(options.valueBytes))
  const settings = settingsOf('etcd', etcd.urls, options)
  return { api: 'etcd', pids: etcd.pids, ...(await openHttp(stage, settings)) }
}

async function openHttp(
  stage: Stage,
  settings: Settings
): Promise<Pick<Subject, 'generator' | 'refused'>> {
  const generator = await Generator.start<Job, Outcome>(stage, HTTP, settings)
  const refused = new Map<Load, string>()
  for (const load of LOADS) {
    const answer = await refusal(settings, load)
    if (answer === undefined) continue
    if (load !== 'eventual') throw new Refused(`${settings.api} refuses ${load}: ${answer}`)
    refused.set(load, answer)
  }
  return { generator, refused }
}

/** What one request of this load is refused with; undefined: it is answered as it should be. */
async function refusal(settings: Settings, load: Load): Promise<string | undefined> {
  const value = filled(settings.valueBytes)
  const kind = load === 'mix' ? 'get' : load
  const { method, path, body } = httpCall(settings.api, kind, keysOf(1)[0] ?? '', value)
  const init = body === undefined ? { method } : { method, body }
  const response = await fetch(`${settings.targets[0]}${path}`, init)
  const answer = new Uint8Array(await response.arrayBuffer())
  if (response.status !== 200) return `${response.status} ${Buffer.from(answer).toString()}`
  if (kind === 'put' || holdsValue(settings.api, answer, value)) return undefined
  throw new Refused(`${settings.api} answers ${load} with another value than was written`)
}

/** How far it is; the table alone goes to stdout. */
function say(line: string): void {
  console.error(line)
}

function settingsOf(
  api: Settings['api'],
  targets: readonly string[],
  { keys, valueBytes }: Options
): Settings {
  return { api, targets, keys, valueBytes }
}
