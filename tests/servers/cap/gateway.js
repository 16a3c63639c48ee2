// /gateway/…: the same service behind a session, as SAP's gateway keeps one. A login gives cookies; without a session the answer
// is the sign-in page with 200; a write needs the token that a read with `X-CSRF-Token: Fetch` hands out, and the session's cookies
// with it. /gateway/nothing/… is 404 and hands out tokens all the same. /test/gateway counts; DELETE there ends all sessions and
// tokens, DELETE /test/gateway/tokens the tokens only; /test/gateway/secrets lists what callers hold.
const { randomBytes } = require('node:crypto')

const COOKIE = 'SAP_SESSIONID_SG_100'
// [password, user of the service]: the last one's password is one that encodings change.
const USERS = { reader: ['reader', 'reader'], planner: ['planner', 'planner'], technician: ['t3ch n/cian+ü', 'planner'] }
const SIGN_IN = '<!doctype html><html><head><title>Logon</title></head><body><form action="/gateway/login" method="post">' +
  '<input name="sap-user"><input name="sap-password" type="password"></form></body></html>'

let sessions = new Map() // id -> { user, token }
const counts = { logins: 0, refused_logins: 0, sign_in_pages: 0, fetches: 0, refused_writes: 0, writes: 0 }

const cookie = (request, name) => new RegExp(`(?:^|;\\s*)${name}=([^;]*)`).exec(request.headers.cookie ?? '')?.[1]
const random = () => randomBytes(16).toString('hex')

function begin(response, user) {
  const id = random()
  sessions.set(id, { user, token: null })
  response.append('Set-Cookie', `${COOKIE}=${id}; Path=/; HttpOnly`)
  response.append('Set-Cookie', 'sap-usercontext=sap-client=100; Path=/')
  return sessions.get(id)
}

const form = request => new Promise((resolve, reject) => {
  let text = ''
  request.on('data', chunk => (text += chunk)).on('end', () => resolve(new URLSearchParams(text))).on('error', reject)
})

async function login(request, response) {
  const fields = await form(request)
  const user = fields.get('sap-user')
  if (!user || USERS[user]?.[0] !== fields.get('sap-password') || fields.get('sap-client') !== '100') {
    counts.refused_logins++
    return response.append('Set-Cookie', 'sap-login=refused; Path=/').type('html').send(SIGN_IN)
  }
  counts.logins++
  begin(response, user)
  response.status(204).end()
}

/// The session of the cookies, or a new one for a caller who brings user and password along.
function sessionOf(request, response) {
  const known = sessions.get(cookie(request, COOKIE))
  if (known) return known
  const [user, password] = Buffer.from((request.headers.authorization ?? '').replace(/^Basic /, ''), 'base64').toString().split(':')
  return user && USERS[user]?.[0] === password ? begin(response, user) : null
}

function serve(request, response, next) {
  const session = sessionOf(request, response)
  if (!session) {
    counts.sign_in_pages++
    return response.type('html').send(SIGN_IN)
  }
  const token = request.headers['x-csrf-token'] ?? ''
  if (['GET', 'HEAD', 'OPTIONS'].includes(request.method)) {
    if (token.toLowerCase() === 'fetch') {
      counts.fetches++
      response.set('X-CSRF-Token', (session.token ??= random()))
    }
  } else if (!session.token || token !== session.token) {
    counts.refused_writes++
    return response.status(403).set('X-CSRF-Token', 'Required').type('text').send('CSRF token validation failed')
  } else {
    counts.writes++
  }
  const user = USERS[session.user][1]
  request.headers.authorization = `Basic ${Buffer.from(`${user}:${user}`).toString('base64')}`
  request.url = request.originalUrl = request.url.slice('/gateway'.length)
  next()
}

function forget(request, response) {
  if (request.url === '/test/gateway/tokens') for (const session of sessions.values()) session.token = null
  else sessions = new Map()
  response.status(204).end()
}

module.exports = app => app.use((request, response, next) => {
  if (request.url === '/test/gateway/secrets') return response.json([...sessions].flatMap(([id, { token }]) => (token ? [id, token] : [id])))
  if (request.url.startsWith('/test/gateway')) return request.method === 'DELETE' ? forget(request, response) : response.json(counts)
  if (!request.url.startsWith('/gateway/')) return next()
  if (request.url === '/gateway/login') return login(request, response).catch(next)
  return serve(request, response, next)
})
