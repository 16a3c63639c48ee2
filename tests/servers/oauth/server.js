// oidc-provider on 127.0.0.1 and a free port, with a few things of our own beside it: /verify says whether a request's bearer
// token is good (nginx asks it), /test/refresh-token hands out what a user's sign-in would have, /test/grants counts,
// /test/access-tokens lists what /verify was asked about, and /test/end-access-tokens makes it refuse those from now on, as if an
// administrator had ended them.
// Settings come from the environment: see __init__.py. Prints one line `READY {"port": N}` once it answers.
import http from 'node:http'
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify } from 'jose'
import { Provider } from 'oidc-provider'

const ACCESS_TOKEN_TTL = Number(process.env.ACCESS_TOKEN_TTL)
const AUDIENCE = 'urn:maintenance'
const OPAQUE = 'urn:maintenance:opaque'
const USER = 'technician'

const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
const key = { use: 'sig', alg: 'RS256', kid: 'test' }
const privateJwks = { keys: [{ ...(await exportJWK(privateKey)), ...key }] }
const publicJwks = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), ...key }] })

const server = http.createServer()
await new Promise(done => server.listen(Number(process.env.PORT), '127.0.0.1', done))
const { port } = server.address()
const issuer = `http://127.0.0.1:${port}`

const client = (client_id, method, ...more) => ({
  client_id, client_secret: 's3cret', token_endpoint_auth_method: method, grant_types: ['client_credentials', ...more],
  redirect_uris: more.length ? ['https://app.example/callback'] : [], response_types: more.length ? ['code'] : [],
})

const provider = new Provider(issuer, {
  jwks: privateJwks,
  cookies: { keys: ['only a test'] },
  clients: [
    client('sg', 'client_secret_basic', 'authorization_code', 'refresh_token'),
    client('sg-post', 'client_secret_post'),
  ],
  scopes: ['openid', 'offline_access', 'read', 'write'],
  findAccount: (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  rotateRefreshToken: () => process.env.ROTATE === '1',
  ttl: { ClientCredentials: ACCESS_TOKEN_TTL, AccessToken: ACCESS_TOKEN_TTL, RefreshToken: 86400, Grant: 86400, IdToken: 3600 },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => AUDIENCE,
      useGrantedResource: () => true,
      getResourceServerInfo: (_, resource) => ({
        scope: 'read write', audience: resource, accessTokenTTL: ACCESS_TOKEN_TTL,
        accessTokenFormat: resource === OPAQUE ? 'opaque' : 'jwt',
      }),
    },
  },
})

const granted = {} // grant type -> [answered with a token, refused]
const count = (type, column) => ((granted[type ?? 'none'] ??= [0, 0])[column] += 1)
provider.on('grant.success', ctx => count(ctx.oidc.params?.grant_type, 0))
provider.on('grant.error', ctx => count(ctx.oidc.params?.grant_type, 1))

const shown = new Set() // access tokens that /verify was asked about
const ended = new Set()

async function isGood(authorization = '') {
  const [scheme, token] = authorization.split(' ')
  if (scheme.toLowerCase() !== 'bearer' || !token || ended.has(token)) return false
  shown.add(token)
  if (token.includes('.')) return jwtVerify(token, publicJwks, { issuer, audience: AUDIENCE }).then(() => true, () => false)
  return Boolean((await provider.ClientCredentials.find(token)) ?? (await provider.AccessToken.find(token)))
}

async function refreshToken() {
  const scope = 'openid offline_access'
  const grant = new provider.Grant({ accountId: USER, clientId: 'sg' })
  grant.addOIDCScope(scope)
  grant.addResourceScope(AUDIENCE, 'read write')
  const token = new provider.RefreshToken({
    accountId: USER, client: await provider.Client.find('sg'), grantId: await grant.save(), gty: 'authorization_code',
    scope: `${scope} read write`, resource: AUDIENCE, authTime: Math.floor(Date.now() / 1000), sessionUid: 'test',
  })
  return { refresh_token: await token.save() }
}

const reply = (response, status, body, headers = {}) =>
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body && JSON.stringify(body))

const own = {
  '/verify': async (request, response) =>
    (await isGood(request.headers.authorization)) ? reply(response, 204)
      : reply(response, 401, { error: 'invalid_token' }, { 'www-authenticate': request.headers.authorization ? 'Bearer error="invalid_token"' : 'Bearer' }),
  '/test/refresh-token': async (_, response) => reply(response, 200, await refreshToken()),
  '/test/grants': async (_, response) => reply(response, 200, granted),
  '/test/access-tokens': async (_, response) => reply(response, 200, [...shown]),
  '/test/end-access-tokens': async (_, response) => {
    for (const token of shown) ended.add(token)
    reply(response, 200, { ended: ended.size })
  },
}

const fallback = provider.callback()
server.on('request', (request, response) => {
  const handler = own[request.url]
  if (!handler) return fallback(request, response)
  handler(request, response).catch(error => { console.error(error); reply(response, 500, { error: String(error) }) })
})
console.log('READY ' + JSON.stringify({ port }))
