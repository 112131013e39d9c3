import process from 'node:process'
import { type RunningNode, startNode } from '../node/compose.ts'
import { UnusableData } from '../node/identity.ts'
import { InvalidOptions } from '../node/options.ts'
import { LogCorrupt } from '../storage/log-corrupt.ts'
import { StoreLocked, StoreNewer } from '../storage/store-errors.ts'
import { isDiskDamage } from '../world/disk.ts'
import type { Logger } from '../world/log.ts'
import { stderrLogger } from './log.ts'
import { say } from './say.ts'
import type { StartSettings } from './start-settings.ts'

/** A stop that takes longer is ended. */
const STOP_MS_MAX = 10_000

/** The operator must act before a new start can help. */
const FOR_THE_OPERATOR = [InvalidOptions, UnusableData, StoreLocked, StoreNewer, LogCorrupt]

/** `keymesh start`: runs a node until a signal or a fault ends the process. */
export async function start({ node: options, logLevel }: StartSettings): Promise<void> {
  try {
    const logger = stderrLogger(logLevel)
    endOnOwnFault(logger)
    const node = await startNode({ ...options, logger, onFatal: endWith })
    stopOnSignals(node, logger)
    logger.log('info', 'listening', { p2p: node.p2p, http: node.http?.origin ?? 'off' })
    node.ready.then(
      () => sayReady(node, logger),
      (reason: Error) => logger.log('debug', 'never was ready', { reason: reason.message })
    )
  } catch (error) {
    end(error)
  }
}

function sayReady(node: RunningNode, logger: Logger): void {
  process.stdout.write(`ready: http=${node.http?.origin ?? 'off'} p2p=${node.p2p}\n`)
  logger.log('info', 'ready')
}

/** One line, no stack: what a person can act on. */
function end(error: unknown): never {
  say(error instanceof Error ? error.message : String(error))
  const isTheirs = isDiskDamage(error) || FOR_THE_OPERATOR.some((type) => error instanceof type)
  process.exit(isTheirs ? 2 : 1)
}

/** A fault of a node that ran is in its log. */
function endWith(fault: Error, exitCode: 1 | 2): never {
  if (exitCode === 2) say(fault.message)
  process.exit(exitCode)
}

/** An assertion that failed, or an exception nobody expected: nothing after it can be trusted. */
function endOnOwnFault(logger: Logger): void {
  process.on('uncaughtException', (error: Error) => {
    logger.log('fatal', 'fault', { reason: error.message, stack: error.stack })
    process.exit(1)
  })
}

function stopOnSignals(node: RunningNode, logger: Logger): void {
  let stopping = false
  const stop = (signal: string): void => {
    // A terminal sends SIGINT to all processes of a group, and their parent may pass on another.
    if (stopping) return
    stopping = true
    logger.log('info', 'stopping', { signal })
    const late = setTimeout(() => {
      logger.log('error', 'ended before all was finished', { afterMs: STOP_MS_MAX })
      process.exit(1)
    }, STOP_MS_MAX)
    node.stop().then(() => {
      clearTimeout(late)
      logger.log('info', 'stopped')
      process.exit(0)
    }, end)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}
