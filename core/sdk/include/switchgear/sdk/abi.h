/* The switchgear connector ABI, version 1.3: plain C between a host and a connector built by any compiler.
 *
 * A connector is a shared library with two exports:
 *     const sg_abi sg_connector_abi;                                      data; read before anything is called
 *     const sg_connector* sg_connector_entry(const sg_host*, sg_error*);  NULL: refused, the error says why
 * and its manifest (JSON) in the ELF section ".sgmanifest", so that it can be inspected without running any of its code.
 *
 * Rules
 * - Every table begins with `size` (bytes, as its maker knows it) and `minor`. Fields are only ever appended. A reader copies
 *   min(size, sizeof) bytes into a zeroed table of its own, and treats a null function as "unsupported". What has no size of
 *   its own (sg_str, sg_pair, sg_buf, sg_auth, sg_record) stands in arrays or inside tables and never changes within a major.
 * - Of a table that the caller allocates and the callee fills (sg_error, sg_response, sg_page), the caller sets `size` and zeroes
 *   the rest; the callee writes no further than that and leaves `size` alone.
 * - Inputs are borrowed for the duration of the call. Outputs carry a `release`, called exactly once by the receiver; a null
 *   `release` means that nothing has to be released.
 * - Functions return 0 for success; otherwise the sg_error is filled. Nothing may be thrown across.
 * - Calls on one session are serial; sessions run in parallel; host functions may be called from any thread while a call is on.
 * - Texts are UTF-8, with a length and without a final NUL unless said otherwise.
 * - "Since 1.n" names what an older side does not know. A connector that needs such a field looks whether the caller's `size` reaches it,
 *   and fails with SG_UNSUPPORTED where it does not: a listing must not end early because its end was never understood.
 */
#ifndef SWITCHGEAR_SDK_ABI_H
#define SWITCHGEAR_SDK_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SG_ABI_MAGIC UINT32_C(0x53475231) /* "SGR1" */
#define SG_ABI_MAJOR 1
#define SG_ABI_MINOR 3

typedef struct sg_abi {
  uint32_t magic;
  uint16_t major;
  uint16_t minor;
} sg_abi;

/* Categories of errors: docs/errors.md says what each means and whether it is retried. */
#define SG_OFFLINE 1
#define SG_TIMEOUT 2
#define SG_AUTH_EXPIRED 3
#define SG_AUTH_INVALID 4
#define SG_PERMISSION 5
#define SG_RATE_LIMIT 6
#define SG_CSRF 7
#define SG_BAD_REQUEST 8
#define SG_NOT_FOUND 9
#define SG_GONE 10
#define SG_CONFLICT 11
#define SG_TOO_LARGE 12
#define SG_SERVER 13
#define SG_UNAVAILABLE 14
#define SG_PROTOCOL 15
#define SG_CONFIG 16
#define SG_CANCELLED 17
#define SG_PLUGIN 18
#define SG_CIRCUIT_OPEN 19
#define SG_DATA 20
#define SG_DESTINATION 21
#define SG_STORE 22
#define SG_SIGNATURE 23
#define SG_UNSUPPORTED 24
#define SG_INTERNAL 25

#define SG_ERROR_RETRYABLE UINT32_C(1)    /* the same call may well succeed later */
#define SG_ERROR_NOTHING_SENT UINT32_C(2) /* no byte of the request reached the source */

/* Allocated by the caller, which sets `size`. The texts are NUL-terminated; the host writes the final NUL itself again. */
typedef struct sg_error {
  uint32_t size;
  int32_t category; /* 0: no error */
  uint32_t flags;
  int32_t http_status;    /* 0: there was no reply */
  int64_t retry_after_ms; /* -1: the source said nothing */
  char detail[32];        /* narrows the category: "connect" */
  char message[1024];
  char hint[512];
  char request_id[128];
} sg_error;

typedef struct sg_str {
  const char* p;
  uint64_t n;
} sg_str;

typedef struct sg_pair {
  sg_str name;
  sg_str value;
} sg_pair;

typedef struct sg_buf {
  const char* p;
  uint64_t n;
  void* owner;
  void (*release)(struct sg_buf*);
} sg_buf;

typedef struct sg_call sg_call; /* the host's state of one call; valid until the call returns */

/* How the host authenticates a request. Without any, it uses what the connection was configured with. */
#define SG_AUTH_BEARER 1 /* Authorization: Bearer <secret> */
#define SG_AUTH_BASIC 2  /* Authorization: Basic <name>:<secret> */
#define SG_AUTH_HEADER 3 /* <name>: <secret> */
#define SG_AUTH_QUERY 4  /* ?<name>=<secret> */
#define SG_AUTH_NONE 5   /* send nothing, not even the connection's own credentials */

typedef struct sg_auth {
  uint32_t kind;
  uint32_t reserved;
  sg_str name;
  sg_str secret; /* the NAME of a secret of the manifest; the value stays with the host */
} sg_auth;

/* The URL stands in a reply of the source (a next link). The host holds it to the origin of `base`, or refuses it. */
#define SG_REQUEST_LINK UINT32_C(1)
/* It changes nothing at the source, whatever its method says (a listing that is asked for by POST), so it may be sent again. A host that
   does not know the flag goes by the method. */
#define SG_REQUEST_SAFE UINT32_C(2)

typedef struct sg_request {
  uint32_t size;
  uint32_t minor;
  sg_str method;
  sg_str url; /* absolute, or relative to `base` */
  sg_str base;
  const sg_pair* query; /* encoded and appended by the host; pairs with an empty value are left out */
  uint64_t n_query;
  const sg_pair* headers;
  uint64_t n_headers;
  const sg_auth* auth;
  uint64_t n_auth;
  sg_str body;
  sg_str idempotency_key;
  uint32_t flags;
  uint32_t reserved;
} sg_request;

/* Filled by the host. The body is followed by 64 readable bytes, and may be moved out into an sg_page as it is. */
typedef struct sg_response {
  uint32_t size;
  uint32_t minor;
  int32_t status;
  uint32_t reserved;
  sg_buf body;
  const sg_pair* headers;
  uint64_t n_headers;
  sg_str url; /* after redirects */
  void* owner;
  void (*release)(struct sg_response*); /* releases all but a body that was moved out (p set to NULL) */
} sg_response;

#define SG_LOG_DEBUG 0
#define SG_LOG_INFO 1
#define SG_LOG_WARNING 2
#define SG_LOG_ERROR 3

/* What the host offers. Valid for the life of the process. */
typedef struct sg_host {
  uint32_t size;
  uint32_t minor;
  void (*log)(sg_call*, int32_t level, sg_str message);
  /* Sends a request through the connection's pool, authentication, retry, breaker and limits. Any HTTP status is success here. */
  int32_t (*http)(sg_call*, const sg_request*, sg_response*, sg_error*);
  /* The host's verdict on a reply: 0, or the error that it amounts to (by status, headers and body). */
  int32_t (*classify)(sg_call*, const sg_response*, sg_error*);
  int32_t (*secret)(sg_call*, sg_str name, sg_buf* value, sg_error*);
  int32_t (*cancelled)(sg_call*);   /* not 0: return as soon as you can, with SG_CANCELLED */
  int64_t (*deadline_ms)(sg_call*); /* on the scale of now_ms; INT64_MAX: none */
  int64_t (*now_ms)(sg_call*);      /* monotonic */
  void* (*alloc)(uint64_t bytes);
  void (*free)(void*);
  /* Since 1.2. As classify, of one part of a bulk reply (OData's $batch): its status, Content-Type and body as they stand in it. */
  int32_t (*classify_part)(sg_call*, int32_t status, sg_str content_type, sg_str body, sg_error*);
} sg_host;

typedef struct sg_open_request {
  uint32_t size;
  uint32_t minor;
  sg_str connection_id;
  const sg_pair* config; /* checked against the manifest, defaults filled in; values as text, nested ones as JSON */
  uint64_t n_config;
} sg_open_request;

#define SG_READ_COUNT UINT32_C(1) /* ask the source for the total as well */
/* Since 1.3. A token is wanted with which to ask for changes later (`delta` of the last page). It is handed back as `token` of a first
 * page, whose listing then is of what has changed since, names removed records, and ends with such a token again. One that the source knows
 * no longer is SG_GONE: the listing is then read from its beginning. */
#define SG_READ_CHANGES UINT32_C(2)

/* All that a page depends on. An empty text is "not asked for". */
typedef struct sg_read_request {
  uint32_t size;
  uint32_t minor;
  sg_str entity;
  const sg_pair* properties; /* the entity as the manifest or `discover` describes it: path, records, key, cursor ... */
  uint64_t n_properties;
  const sg_str* columns;
  uint64_t n_columns;
  sg_str filter;     /* JSON: [["Status","=","OPEN"], ...], all of which must hold */
  sg_str raw_filter; /* the source's own language */
  sg_str order;      /* JSON: [["ChangedAt","asc"], ...] */
  sg_str lower;      /* the cursor field's value from which to read (inclusive) */
  sg_str upper;      /* and up to which (inclusive) */
  sg_str after_key;  /* JSON: with `lower`, the key after which to go on among records of the same cursor value */
  int64_t page_size; /* 0: the connector's choice */
  int64_t limit;     /* records still wanted; -1: all */
  sg_str token;      /* continuation: what the page before named as next; empty for the first page */
  sg_str partition;  /* one of those that `plan` returned */
  uint32_t flags;
  uint32_t reserved;
  int64_t parts; /* since 1.1, to `plan`: how many parts are wished for; 0: the connector's choice */
} sg_read_request;

struct ArrowSchema;
struct ArrowArray;

#define SG_PAGE_JSON 0  /* `body` is one JSON text, read through the pointers below */
#define SG_PAGE_ARROW 1 /* `schema` and `array` are set (Arrow C data interface: a struct array, one child a column) */

/* Since 1.1. The next token is `offset` and the number of records in the page, added: never a limit that was asked for, since sources
 * clamp page sizes in silence. A page without records is the last one. */
#define SG_PAGE_OFFSET UINT32_C(1)
/* Since 1.1. A page without records is the last one although it has a next token (page numbers). */
#define SG_PAGE_EMPTY_IS_LAST UINT32_C(2)

/* A page of records. The host parses `body` once, taking from it what the JSON pointers (RFC 6901) name; "" points to the
 * whole body, a null `p` to nothing. */
typedef struct sg_page {
  uint32_t size;
  uint32_t minor;
  uint32_t format;
  uint32_t flags;
  sg_buf body;
  sg_str records;   /* -> array of objects */
  sg_str next;      /* -> continuation token, text or number; missing, null or "" in the body: the last page */
  sg_str removed;   /* -> array of objects, the keys of records that are gone; one that is among the page's records as well has come back */
  sg_str delta;     /* -> token with which to ask for changes later, see SG_READ_CHANGES; on the last page */
  sg_str total;     /* -> number of records in all */
  sg_str watermark; /* the NAME of the field by which the listing advances */
  sg_str control;   /* fields whose name contains this text are the protocol's, not data: "@" in OData */
  sg_str next_token; /* the token itself, where it does not stand in the body (a header, an offset); wins over `next` */
  struct ArrowSchema* schema;
  struct ArrowArray* array;
  void* owner;
  void (*release)(struct sg_page*); /* releases all but a body that was moved out (p set to NULL) */
  /* Since 1.1. */
  sg_str next_fields; /* JSON array of pointers into one record: the next token is the JSON array of these values of the last record */
  sg_str more;        /* -> is there more? false, 0, "", "-", "false", "N", null: this is the last page, whatever `next` says */
  sg_str back;        /* the token to load instead, where none of the `overlap` records was in the page before */
  int64_t offset;     /* with SG_PAGE_OFFSET: where in the listing this page begins */
  uint64_t overlap;   /* so many records at the page's beginning should repeat the end of the page before; those are dropped, by key */
} sg_page;

#define SG_OUTCOME_OK 0
#define SG_OUTCOME_FAILED 1
#define SG_OUTCOME_UNKNOWN 2 /* the reply was lost after sending */

typedef struct sg_record {
  sg_str id;   /* the host's idempotency key of this record */
  sg_str key;  /* its key as text; empty when the source assigns it */
  sg_str json; /* the record, a JSON object */
} sg_record;

typedef struct sg_batch {
  uint32_t size;
  uint32_t minor;
  sg_str entity;
  const sg_pair* properties;
  uint64_t n_properties;
  sg_str op; /* create, update, upsert, delete */
  const sg_record* records;
  uint64_t n_records;
  struct ArrowSchema* schema; /* the same records as columns; may be null */
  struct ArrowArray* array;
  uint32_t atomic; /* all or none */
  uint32_t reserved;
  void* report_to;
  /* What became of record `index`; call once for each. Records never reported are taken as unknown. `error` is null when ok. */
  void (*report)(void* report_to, uint64_t index, int32_t outcome, const sg_error* error);
} sg_batch;

typedef struct sg_connector {
  uint32_t size;
  uint32_t minor;
  sg_str manifest;
  int32_t (*open)(const sg_open_request*, sg_call*, void** session, sg_error*);
  int32_t (*check)(void* session, sg_call*, sg_error*);
  int32_t (*discover)(void* session, sg_call*, sg_buf* catalog_json, sg_error*);                        /* optional */
  int32_t (*plan)(void* session, sg_call*, const sg_read_request*, sg_buf* partitions_json, sg_error*); /* optional */
  int32_t (*read_page)(void* session, sg_call*, const sg_read_request*, sg_page*, sg_error*);
  int32_t (*write_batch)(void* session, sg_call*, const sg_batch*, sg_error*); /* optional */
  void (*close)(void* session);
} sg_connector;

typedef const sg_connector* (*sg_connector_entry_fn)(const sg_host*, sg_error*);

/* The Arrow C data interface, as its specification prints it for copying (Apache Arrow, "The Arrow C data interface"). */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};

#endif /* ARROW_C_DATA_INTERFACE */

#ifdef __cplusplus
}
#endif

#endif /* SWITCHGEAR_SDK_ABI_H */
