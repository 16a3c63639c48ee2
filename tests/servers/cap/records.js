// The records of the maintenance service: the same ones at each start, functions of their number alone.
// Each column meets the cases that break readers: null, empty, non-ASCII, quotes, integers beyond 2^53, negative numbers,
// midnight, leap days, microseconds, long text. Decimals keep to 15 digits, as many as SQLite's REAL gives back unchanged.
const { createHash } = require('crypto')

const ASSETS = 500
const READINGS = 1000
const BEYOND_DOUBLE = 9007199254740993n // 2^53 + 1, the first integer that a double cannot hold
const EPOCH = Date.UTC(2024, 0, 1)
const DAY = 86400

const instant = seconds => new Date(EPOCH + seconds * 1000).toISOString()
const toSeconds = iso => iso.slice(0, 19) + 'Z'
const clock = seconds => instant(seconds).slice(11, 19)
const date = seconds => instant(seconds).slice(0, 10)
const uuid = name => {
  const hex = createHash('sha256').update(name).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
// SQLite writes doubles with 15 digits into the JSON that CAP sends, and is inexact far from 1: more would not come back.
const meter = i => Number(((i % 2 ? i : -i) / 3 * 10 ** (i % 4 ? 0 : (i % 25) - 12)).toPrecision(15))
const assetId = i => 'A-' + String(i).padStart(6, '0')

const TITLES = [
  'Replace bearing', 'Lubrifier la chaîne d’entraînement', 'Dichtung prüfen – Öl 5 % über Soll', '冷却ポンプを点検する',
  'Проверить насос', 'Check "north" valve \\ O\'Neil', 'Tab\there, newline\nthere', 'Zero\u200bwidth and 🛠 emoji',
]

function* assets() {
  for (let i = 1; i <= ASSETS; i++) {
    yield {
      ID: assetId(i), description: `Pump ${i} ß – "nord" O'Neil 漢字`, plant: String(1000 + (i % 5)), price: ((i * 123457) / 100).toFixed(2),
      installedOn: date(i * DAY), serialNumber: String(i % 2 ? BEYOND_DOUBLE + BigInt(i) : -BEYOND_DOUBLE - BigInt(i)),
      manufacturer: uuid(`manufacturer ${i % 7}`), criticality: 'ABC'[i % 3], sensors: i % 256, temperature: (i % 120) - 60,
      fingerprint: createHash('md5').update(`asset ${i}`).digest(), active: i % 7 !== 0,
    }
  }
  // Everything that must be escaped in a URL and in a filter; all else null.
  yield { ID: "A/B'+C&D=1#%?" }
}

function* workOrders(count) {
  for (let i = 1; i <= count; i++) {
    yield {
      ID: i, number: '4' + String(i).padStart(9, '0'), title: `${TITLES[i % TITLES.length]} ${i}`, priority: 1 + (i % 4),
      status: ['open', 'started', 'done', 'cancelled'][i % 4], asset_ID: i % 17 ? assetId(1 + (i % ASSETS)) : null,
      estimatedHours: (((i * 7919) % 500000) / 1000).toFixed(3),
      actualCost: i % 11 ? ((i % 2 ? -1 : 1) * ((i * 104729) / 10000)).toFixed(4) : null,
      scheduledOn: i % 5 ? date((i % 1461) * DAY) : null, startTime: clock((i * 61) % DAY),
      dueAt: i % 6 ? toSeconds(instant(i * 3600)) : null, changedAt: instant(i * 60 + (i % 1000) / 1000),
      meterReading: i % 9 ? meter(i) : null, runtimeTicks: String(BEYOND_DOUBLE + BigInt(i)), safetyRelevant: i % 3 ? i % 2 === 0 : null,
      notes: i % 13 ? null : i % 2 ? '' : 'Prüfprotokoll ✓ '.repeat(i % 300),
      createdAt: instant(i), createdBy: 'import', modifiedAt: instant(i * 60), modifiedBy: i % 2 ? 'planner' : null,
    }
  }
}

function* operations(count) {
  for (let i = 1; i <= count; i++)
    for (let step = 1; step <= i % 3; step++)
      yield { ID: uuid(`operation ${i}.${step}`), workOrder_ID: i, sequence: 10 * step, text: `Step ${step}`, done: i % 2 === 0 }
}

function* readings() {
  for (let i = 0; i < READINGS; i++) yield { asset: assetId(1 + (i % 5)), takenAt: instant(i * 60), value: Number(Math.sin(i).toPrecision(15)), unit: 'bar' }
}

function* vendors() {
  for (let i = 1; i <= 25; i++) yield { ID: `V${String(i).padStart(5, '0')}`, name: `Zulieferer ${i} GmbH & Co. KG`, blocked: i % 10 === 0 }
}

module.exports = count => [
  ['Assets', assets()],
  ['WorkOrders', workOrders(count)],
  ['Operations', operations(count)],
  ['Readings', readings()],
  ['Vendors', vendors()],
]
