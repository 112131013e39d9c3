import { DISK_LEVELS } from '../wire/disk-level.ts'
import { counter, gauge, type Metric, timing } from '../world/metric.ts'
import type { NodeSource } from './metrics.ts'

/** Of the log and the state on the disk of a node. */
export const STORAGE_METRICS: readonly Metric<NodeSource>[] = [
  gauge(
    'keymesh_disk_usable_bytes',
    'What is free on the disk beside the reserve.',
    ({ machine }) => Math.max(0, machine.room.usableBytes)
  ),
  gauge(
    'keymesh_disk_level',
    'How the disk is: 0 there is room, 1 low (no writes but deletes are taken), 2 full.',
    ({ machine }) => DISK_LEVELS.indexOf(machine.room.level)
  ),
  gauge(
    'keymesh_disk_reserve_bytes',
    'What the node holds of the disk for bad times.',
    ({ machine }) => machine.room.reserve.held
  ),
  gauge(
    'keymesh_log_bytes',
    'Bytes of the log on the disk.',
    ({ machine }) => machine.keeping.log.bytes
  ),
  gauge(
    'keymesh_log_segments',
    'Files of the log.',
    ({ machine }) => machine.keeping.log.segmentCount
  ),
  counter(
    'keymesh_log_written_bytes_total',
    'Bytes written to the log.',
    ({ machine }) => machine.keeping.log.bytesWritten
  ),
  counter(
    'keymesh_log_moved_bytes_total',
    'Bytes of the log written once more, so that its oldest file could go.',
    ({ machine }) => machine.keeping.flusher.trimmer.movedBytes
  ),
  timing(
    'keymesh_log_sync_duration_seconds',
    'What the disk took to make the log durable, once for each batch.',
    ({ disk }) => disk.sync
  ),
  gauge(
    'keymesh_overlay_bytes',
    'About what the changes hold in memory that are not in the state on the disk yet.',
    ({ machine }) => machine.keeping.overlay.dirtyBytes
  ),
  timing(
    'keymesh_flush_duration_seconds',
    'From gathering the changes to their being durable in the state.',
    ({ machine }) => machine.keeping.flusher.latency
  ),
  counter(
    'keymesh_flushed_bytes_total',
    'About what the changes held in memory that were flushed.',
    ({ machine }) => machine.keeping.flusher.bytes
  )
]
