#!/usr/bin/env node
// Plain JavaScript that any Node.js can read, so that an old one can say why it will not do.
import { existsSync } from 'node:fs'

const main = new URL('../dist/cli/main.js', import.meta.url)
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 12)) {
  refuse(`keymesh needs Node.js 22.12 or newer; this is ${process.versions.node}`)
} else if (!existsSync(main)) {
  refuse('keymesh is not built yet: run `npm run build`')
} else {
  await import(main.href)
}

function refuse(reason) {
  process.stderr.write(`${reason}\n`)
  process.exitCode = 2
}
