/* Breaks the ABI's contract in as many ways as it has entities. */
#include <string.h>

#include "switchgear/sdk/abi.h"

#define EXPORT __attribute__((visibility("default")))

__attribute__((section(".sgmanifest"), used)) static const char manifest[] =
    "{\"name\":\"rubbish\",\"version\":\"1.0.0\",\"secrets\":[\"token\"],\"entities\":[{\"name\":\"things\",\"ops\":[\"create\"]}]}";

EXPORT const sg_abi sg_connector_abi = {SG_ABI_MAGIC, SG_ABI_MAJOR, SG_ABI_MINOR};

static const sg_host* host;
static int released;

static int is(sg_str text, const char* word) { return text.n == strlen(word) && memcmp(text.p, word, text.n) == 0; }

static int32_t open_session(const sg_open_request* request, sg_call* call, void** session, sg_error* error) {
  (void)request;
  (void)call;
  (void)error;
  *session = &released;
  return 0;
}

static void release_body(sg_buf* body) {
  body->p = NULL;
  ++released;
}

static int32_t fail_badly(sg_error* error) {
  memset(error->message, 'x', sizeof error->message); /* no NUL anywhere */
  memset(error->hint, 0xff, sizeof error->hint);      /* no UTF-8 either */
  memset(error->detail, 0xc3, sizeof error->detail);
  memset(error->request_id, 'r', sizeof error->request_id);
  error->category = 999;
  return 1;
}

/* Sends what is asked for by the name of the entity, and answers as the host did. */
static int32_t send(sg_call* call, const sg_read_request* read, sg_error* error) {
  sg_request request;
  sg_response response;
  sg_pair header;
  sg_auth auth;
  memset(&request, 0, sizeof request);
  memset(&response, 0, sizeof response);
  memset(&header, 0, sizeof header);
  memset(&auth, 0, sizeof auth);
  request.size = sizeof request;
  response.size = sizeof response;
  request.method.p = "GET";
  request.method.n = 3;
  request.url.p = "http://127.0.0.1/x";
  request.url.n = 18;
  if (is(read->entity, "send_long_method")) request.method.n = UINT64_MAX;
  if (is(read->entity, "send_null_url")) request.url.p = NULL;
  if (is(read->entity, "send_many_headers")) request.n_headers = UINT64_MAX;
  if (is(read->entity, "send_null_headers")) request.n_headers = 1;
  if (is(read->entity, "send_split_header")) {
    header.name.p = "X-A";
    header.name.n = 3;
    header.value.p = "1\r\nX-B: 2";
    header.value.n = 9;
    request.headers = &header;
    request.n_headers = 1;
  }
  if (is(read->entity, "send_other_secret")) {
    auth.kind = SG_AUTH_BEARER;
    auth.secret.p = "tokn";
    auth.secret.n = 4;
    request.auth = &auth;
    request.n_auth = 1;
  }
  if (is(read->entity, "send_null_reply")) return host->http(call, &request, NULL, error);
  if (is(read->entity, "send_classify_own")) return host->classify(call, &response, error);
  if (host->http(call, &request, &response, error) != 0) return 1;
  response.release(&response);
  return 0;
}

static int32_t read_page(void* session, sg_call* call, const sg_read_request* read, sg_page* page, sg_error* error) {
  (void)session;
  if (read->entity.n > 5 && memcmp(read->entity.p, "send_", 5) == 0) return send(call, read, error);
  page->body.p = "[]";
  page->body.n = 2;
  page->body.release = &release_body;
  if (is(read->entity, "bad_error")) return fail_badly(error);
  if (is(read->entity, "silent_error")) return -1;
  if (is(read->entity, "null_body")) page->body.p = NULL;
  if (is(read->entity, "long_body")) page->body.n = UINT64_MAX;
  if (is(read->entity, "unknown_format")) page->format = 77;
  if (is(read->entity, "no_columns")) page->format = SG_PAGE_ARROW;
  if (is(read->entity, "long_pointer")) {
    page->records.p = "/data";
    page->records.n = UINT64_MAX / 2;
  }
  if (is(read->entity, "null_pointer")) page->next.n = 9;
  if (is(read->entity, "no_pointer")) {
    page->next.p = "next";
    page->next.n = 4;
  }
  if (is(read->entity, "bad_token")) {
    page->next_token.p = "\xff\xfe";
    page->next_token.n = 2;
  }
  if (is(read->entity, "released")) {
    page->total.p = released > 0 ? "/yes" : "/no";
    page->total.n = strlen(page->total.p);
  }
  return 0;
}

static int32_t discover(void* session, sg_call* call, sg_buf* catalog, sg_error* error) {
  (void)session;
  (void)call;
  (void)error;
  catalog->p = NULL;
  catalog->n = 12;
  return 0;
}

static int32_t write_batch(void* session, sg_call* call, const sg_batch* batch, sg_error* error) {
  (void)session;
  (void)call;
  (void)error;
  batch->report(batch->report_to, 0, SG_OUTCOME_OK, NULL);
  batch->report(batch->report_to, 0, SG_OUTCOME_FAILED, NULL);
  batch->report(batch->report_to, batch->n_records + 5, SG_OUTCOME_OK, NULL);
  batch->report(batch->report_to, 1, 77, NULL);
  batch->report(batch->report_to, 2, SG_OUTCOME_FAILED, NULL);
  return 0;
}

EXPORT const sg_connector* sg_connector_entry(const sg_host* given, sg_error* error);

const sg_connector* sg_connector_entry(const sg_host* given, sg_error* error) {
  static sg_connector table;
  (void)error;
  host = given;
  table.size = sizeof table;
  table.manifest.p = manifest;
  table.manifest.n = sizeof manifest - 1;
  table.open = &open_session;
  table.read_page = &read_page;
  table.discover = &discover;
  table.write_batch = &write_batch;
  return &table;
}
