import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as wait } from 'node:timers/promises'
import { freePorts } from '../../cluster/ports.ts'
import { Refused } from '../../cluster/refused.ts'
import { type Stage, startedChild } from '../../cluster/stage.ts'

/** etcd as processes of this machine, healthy. */
export interface Etcd {
  readonly urls: readonly string[]
  readonly pids: readonly number[]
}

const READY_MS_MAX = 30_000
const POLL_MS = 50
/** What one transaction of etcd takes by default. */
const TRANSACTION_OPS_MAX = 128

/** Undefined: there is none on the PATH. */
export function etcdVersion(): string | undefined {
  const { stdout, error } = spawnSync('etcd', ['--version'], { encoding: 'utf8' })
  return error === undefined ? /^etcd Version: (\S+)/m.exec(stdout)?.[1] : undefined
}

/** As etcd comes, so it syncs each write: only names, addresses and directories are given. */
export async function startEtcd(stage: Stage, count: number): Promise<Etcd> {
  const ports = await freePorts(2 * count)
  const members = Array.from({ length: count }, (_, i) => ({
    name: `etcd-${i + 1}`,
    client: `http://127.0.0.1:${ports[2 * i]}`,
    peer: `http://127.0.0.1:${ports[2 * i + 1]}`
  }))
  const together = members.map(({ name, peer }) => `${name}=${peer}`).join(',')
  const children = members.map(({ name, client, peer }) => {
    const args = ['--name', name, '--data-dir', join(stage.directory, name)]
    args.push('--listen-client-urls', client, '--advertise-client-urls', client)
    args.push('--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer)
    args.push('--initial-cluster', together, '--initial-cluster-state', 'new')
    const logFile = join(stage.directory, `${name}.log`)
    const log = openSync(logFile, 'a')
    const child = spawn('etcd', args, { stdio: ['ignore', log, log], env: plainEnvironment() })
    closeSync(log)
    stage.add(startedChild(child))
    return { child, client, logFile }
  })
  await Promise.all(children.map(({ child, client, logFile }) => healthy(child, client, logFile)))
  const pids = children.map(({ child }) => child.pid ?? 0)
  return { urls: members.map(({ client }) => client), pids }
}

/** Writes `value` at every key. */
export async function fillEtcd(
  url: string,
  keys: readonly string[],
  value: Uint8Array
): Promise<void> {
  const encoded = base64(value)
  for (let from = 0; from < keys.length; from += TRANSACTION_OPS_MAX) {
    const some = keys.slice(from, from + TRANSACTION_OPS_MAX)
    const success = some.map((key) => ({ requestPut: { key: base64(key), value: encoded } }))
    const response = await fetch(`${url}/v3/kv/txn`, {
      method: 'POST',
      body: JSON.stringify({ success })
    })
    if (!response.ok) throw new Refused(`etcd refused to be filled: ${await response.text()}`)
    await response.arrayBuffer()
  }
}

export function base64(data: string | Uint8Array): string {
  return Buffer.from(data).toString('base64')
}

/** Settings of etcd in the environment would make it another one than described. */
function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^ETCD_/.test(name)))
}

async function healthy(child: ChildProcess, url: string, logFile: string): Promise<void> {
  const end = performance.now() + READY_MS_MAX
  while (!(await answersHealthy(url))) {
    const isOver = child.exitCode !== null || performance.now() >= end
    if (isOver) throw new Refused(`etcd does not serve:\n${readFileSync(logFile, 'utf8')}`)
    await wait(POLL_MS)
  }
}

async function answersHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health`)
    return response.ok && /"true"/.test(await response.text())
  } catch {
    // Nobody listens there yet; the caller asks again until its time is over.
    return false
  }
}
