/* A connector in plain C. Each build of it differs from a good one (VARIANT_GOOD) in one respect. */
#include <stddef.h>
#include <string.h>

#include "switchgear/sdk/abi.h"

#define EXPORT __attribute__((visibility("default")))
#define MANIFEST "{\"name\":\"variant\",\"version\":\"1.0.0\",\"entities\":[{\"name\":\"things\",\"ops\":[\"create\"]}]}"

#ifndef VARIANT_NO_MANIFEST
__attribute__((section(".sgmanifest"), used))
#endif
static const char manifest[] = MANIFEST;

EXPORT const sg_abi sg_connector_abi = {
#ifdef VARIANT_OTHER_MAGIC
    0x12345678,
#else
    SG_ABI_MAGIC,
#endif
#ifdef VARIANT_OTHER_MAJOR
    SG_ABI_MAJOR + 1,
#else
    SG_ABI_MAJOR,
#endif
#ifdef VARIANT_NEWER_MINOR
    SG_ABI_MINOR + 7,
#else
    SG_ABI_MINOR,
#endif
};

static int32_t open_session(const sg_open_request* request, sg_call* call, void** session, sg_error* error) {
  (void)request;
  (void)call;
  (void)error;
  *session = NULL; /* without a state of its own, which is fine */
  return 0;
}

static int32_t read_page(void* session, sg_call* call, const sg_read_request* request, sg_page* page, sg_error* error) {
  (void)session;
  (void)call;
  (void)request;
  (void)error;
  page->body.p = "[{\"id\":1}]";
  page->body.n = strlen(page->body.p);
#ifdef VARIANT_NEXT_FIELDS
  page->next_fields.p = "[\"/id\"]";
  page->next_fields.n = strlen(page->next_fields.p);
  page->flags = SG_PAGE_EMPTY_IS_LAST;
  page->overlap = (uint64_t)request->parts;
#endif
#ifdef VARIANT_BAD_NEXT_FIELDS
  page->next_fields.p = "[\"id\"]";
  page->next_fields.n = strlen(page->next_fields.p);
#endif
#ifdef VARIANT_BAD_OFFSET
  page->flags = SG_PAGE_OFFSET;
  page->offset = -1;
#endif
  return 0;
}

static sg_connector table;

EXPORT const sg_connector* sg_connector_entry(const sg_host* host, sg_error* error);

#ifndef VARIANT_NO_ENTRY
const sg_connector* sg_connector_entry(const sg_host* host, sg_error* error) {
  (void)host;
  (void)error;
#ifdef VARIANT_NULL_TABLE
  return NULL;
#endif
#ifdef VARIANT_EXPLAINED_REFUSAL
  error->category = SG_CONFIG;
  strcpy(error->message, "the vendor's licence file is missing");
  return NULL;
#endif
  table.size = sizeof table;
#ifdef VARIANT_SMALL_TABLE
  table.size = offsetof(sg_connector, write_batch);
#endif
#ifdef VARIANT_TINY_TABLE
  table.size = offsetof(sg_connector, open);
#endif
#ifdef VARIANT_NEWER_MINOR
  table.size = sizeof table + 64;
#endif
  table.minor = SG_ABI_MINOR;
  table.manifest.p = manifest;
  table.manifest.n = sizeof manifest - 1;
#ifdef VARIANT_OTHER_MANIFEST
  table.manifest.p = "{}";
  table.manifest.n = 2;
#endif
  table.open = &open_session;
#ifdef VARIANT_NO_OPEN
  table.open = NULL;
#endif
  table.read_page = &read_page;
  /* Beyond the end of a small table: must not be seen. */
#ifdef VARIANT_SMALL_TABLE
  table.write_batch = (int32_t (*)(void*, sg_call*, const sg_batch*, sg_error*))(uintptr_t)1;
#endif
  table.close = NULL;
  return &table;
}
#else
void* unused_functions(void);
void* unused_functions(void) {
  table.open = &open_session;
  table.read_page = &read_page;
  return &table;
}
#endif
