import process from 'node:process'
import { asked } from '../../cluster/asked.ts'
import { perform } from '../../cluster/stage.ts'
import { isInside, runInside, settleInside, wayInside } from './ground.ts'
import { HELP, type Options, parseOptions } from './options.ts'
import { torture } from './torture.ts'

// `npm run torture`: real processes, hurt in every way this system allows, and checked.

const options = asked(parseOptions, HELP)
if (options !== undefined) await enter(options)

async function enter(options: Options): Promise<void> {
  const way = isInside ? [] : wayInside()
  if (options.network === 'namespaces' && way === undefined) {
    console.error('--network namespaces: they need root, or a system that gives them to users')
    process.exit(2)
  }
  if (isInside) settleInside()
  else if (way !== undefined) {
    process.exit(await runInside(way, new URL(import.meta.url), process.argv.slice(2)))
  }
  await perform((stage) => torture(stage, options), options.directory)
}
