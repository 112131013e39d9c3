import process from 'node:process'

// A node of a cluster on one machine: the command itself, which also stops when its parent is gone,
// however that ended.

process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
await import(new URL('../bin/keymesh.js', import.meta.url).href)
