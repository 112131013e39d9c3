import process from 'node:process'

// A node of a cluster on one machine: the command itself, which also stops when its parent is gone,
// however that ended.

// The channel alone must not keep a command alive that has nothing left to do.
process.channel?.unref()
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
await import(new URL('../bin/keymesh.js', import.meta.url).href)
