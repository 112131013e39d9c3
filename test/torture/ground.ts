import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

// Where a run takes place: in namespaces of its own, if it can have them. Then no process, network
// or mount it makes outlives it, however it ends.

const OWN = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
/** For who is not root: root in a namespace of users, where the system allows that. */
const AS_ROOT = ['--user', '--map-root-user']
const INSIDE = 'KEYMESH_TORTURE_INSIDE'

/** Whether this process is the one inside. */
export const isInside = process.env[INSIDE] !== undefined

/** How `unshare` must be called to get namespaces; undefined: it cannot. */
export function wayInside(): readonly string[] | undefined {
  return [OWN, [...AS_ROOT, ...OWN]].find((way) => {
    const trial = 'ip link add hub type bridge && mount -t tmpfs none /run'
    return spawnSync('unshare', [...way, 'sh', '-c', trial], { stdio: 'ignore' }).status === 0
  })
}

/** Runs `program` inside to its end; returns its exit code. */
export async function runInside(
  way: readonly string[],
  program: URL,
  args: readonly string[]
): Promise<number> {
  const line = [process.execPath, '--no-warnings', fileURLToPath(program), ...args]
  const child = spawn('unshare', [...way, ...line], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [INSIDE]: '1' }
  })
  passOn(child)
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}

/** `unshare` keeps signals to itself: the one inside hears of them by the channel. */
function passOn(child: ChildProcess): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (child.connected) child.disconnect()
    })
  }
}

/** Inside: has loopback; ends in order when told to, or when nobody is left to tell. */
export function settleInside(): void {
  execFileSync('ip', ['link', 'set', 'lo', 'up'])
  process.channel?.unref()
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
}
