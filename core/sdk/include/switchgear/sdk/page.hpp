// A page of records on its way to the host: a reply's body and where in it to look (JSON pointers, RFC 6901), or Arrow columns.
//
// Move-only; owns the body until the host takes it. The host parses the body, once: a connector need not look at it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchgear/sdk/abi.h"
#include "switchgear/sdk/error.hpp"
#include "switchgear/sdk/reply.hpp"
#include "switchgear/sdk/text.hpp"

namespace switchgear::sdk {

class Page {
 public:
  /// The body of a reply, as it came: nothing is copied.
  explicit Page(Reply&& reply) : body_(reply.take_body()) {}

  /// JSON that the connector wrote itself.
  explicit Page(std::string json) {
    auto owned = std::make_unique<std::string>(std::move(json));
    body_.p = owned->data();
    body_.n = owned->size();
    body_.owner = owned.release();
    body_.release = [](sg_buf* bytes) {
      delete static_cast<std::string*>(bytes->owner);
      *bytes = sg_buf{};
    };
  }

  /// Columns that the connector decoded itself (Arrow C data interface): a struct array, one child a column. Both are moved out of.
  Page(ArrowSchema* schema, ArrowArray* array)
      : schema_(std::exchange(*schema, ArrowSchema{})), array_(std::exchange(*array, ArrowArray{})) {}

  Page(Page&& other) noexcept
      : text_(std::move(other.text_)),
        place_(other.place_),
        body_(std::exchange(other.body_, sg_buf{})),
        schema_(std::exchange(other.schema_, ArrowSchema{})),
        array_(std::exchange(other.array_, ArrowArray{})) {}
  Page& operator=(Page&& other) noexcept {
    if (this != &other) {
      release();
      text_ = std::move(other.text_);
      place_ = other.place_;
      body_ = std::exchange(other.body_, sg_buf{});
      schema_ = std::exchange(other.schema_, ArrowSchema{});
      array_ = std::exchange(other.array_, ArrowArray{});
    }
    return *this;
  }
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;
  ~Page() { release(); }

  /// -> array of objects. Default "": the body is that array.
  Page& records(std::string pointer) & { return set(text_.records, std::move(pointer)); }
  /// -> continuation token, text or number; missing, null or "" in the body: this is the last page.
  Page& next(std::string pointer) & { return set(text_.next, std::move(pointer)); }
  /// The token itself, where it does not stand in the body (a header, an offset). "": this is the last page.
  Page& next_token(std::string token) & { return set(text_.next_token, std::move(token)); }
  /// -> array of objects, the keys of records that are gone. One that is among the page's records as well has come back.
  Page& removed(std::string pointer) & { return set(text_.removed, std::move(pointer)); }
  /// -> token with which to ask for changes later, on the last page: it comes back as Position::token, for a listing of what has changed
  /// since, which ends with such a token again. Category::gone says that the source knows it no longer.
  Page& delta(std::string pointer) & { return set(text_.delta, std::move(pointer)); }
  /// -> number of records in all
  Page& total(std::string pointer) & { return set(text_.total, std::move(pointer)); }
  /// The NAME of the field by which the listing advances.
  Page& watermark(std::string field) & { return set(text_.watermark, std::move(field)); }
  /// Fields whose name contains this text are the protocol's, not data: "@" in OData.
  Page& control(std::string text) & { return set(text_.control, std::move(text)); }
  /// Pointers into ONE record: the next token is the JSON array of these values of the page's last record, `["2024-01-31",17]`. A page
  /// without records is the last one. (Keyset: the place is the last value seen.)
  Page& next_fields(const std::vector<std::string>& pointers) & { return set(text_.next_fields, detail::json_texts(pointers)); }
  /// -> does the source say that there is more? false, 0, "", "-", "false", "N" and null: this is the last page, whatever `next` says.
  /// Where the pointer leads nowhere, `next` alone decides.
  Page& more(std::string pointer) & { return set(text_.more, std::move(pointer)); }
  /// The page begins at this offset; the next token is the offset behind its last record, however many the source chose to give. A page
  /// without records is the last one.
  Page& offset(std::int64_t begin) & {
    place_.flags |= SG_PAGE_OFFSET;
    place_.offset = begin;
    return *this;
  }
  /// A page without records is the last one although next_token is set (page numbers).
  Page& empty_is_last() & { return (place_.flags |= SG_PAGE_EMPTY_IS_LAST, *this); }
  /// The first `records` of this page should repeat the last ones of the page before, because rows shift between pages. Those that do, by
  /// the entity's key, are dropped; if none does, the page at `back_token` is read instead. Say it on every page of such a listing, on
  /// the first with 0: the keys of a page have to be kept for the next one.
  Page& overlap(std::uint64_t records, std::string back_token) & {
    place_.overlap = records;
    return set(text_.back, std::move(back_token));
  }

  Page&& records(std::string pointer) && { return std::move(records(std::move(pointer))); }
  Page&& next(std::string pointer) && { return std::move(next(std::move(pointer))); }
  Page&& next_token(std::string token) && { return std::move(next_token(std::move(token))); }
  Page&& removed(std::string pointer) && { return std::move(removed(std::move(pointer))); }
  Page&& delta(std::string pointer) && { return std::move(delta(std::move(pointer))); }
  Page&& total(std::string pointer) && { return std::move(total(std::move(pointer))); }
  Page&& watermark(std::string field) && { return std::move(watermark(std::move(field))); }
  Page&& control(std::string text) && { return std::move(control(std::move(text))); }
  Page&& next_fields(const std::vector<std::string>& pointers) && { return std::move(next_fields(pointers)); }
  Page&& more(std::string pointer) && { return std::move(more(std::move(pointer))); }
  Page&& offset(std::int64_t begin) && { return std::move(offset(begin)); }
  Page&& empty_is_last() && { return std::move(empty_is_last()); }
  Page&& overlap(std::uint64_t records, std::string back_token) && { return std::move(overlap(records, std::move(back_token))); }

  std::string_view body() const { return detail::view(body_); }

  /// Hands everything to the host. Throws Error(unsupported) for what a host older than ABI 1.1 would not understand: it would take the
  /// first page for the last.
  void give(sg_page* out) && {
    const bool needs_1_1 = text_.next_fields || text_.more || text_.back || place_.flags != 0;
    if (needs_1_1 && out->size < sizeof(sg_page)) {
      throw Error(Category::unsupported, "how this listing goes on can only be told to a host of ABI >= 1.1")
          .with_hint("update switchgear");
    }
    auto owned = std::make_unique<Owned>(Owned{std::move(text_), schema_, array_});
    sg_page page{};
    page.minor = SG_ABI_MINOR;
    page.format = owned->array.release != nullptr ? SG_PAGE_ARROW : SG_PAGE_JSON;
    page.body = std::exchange(body_, sg_buf{});
    const Texts& text = owned->text;
    page.records = optional_text(text.records);
    page.next = optional_text(text.next);
    page.removed = optional_text(text.removed);
    page.delta = optional_text(text.delta);
    page.total = optional_text(text.total);
    page.watermark = optional_text(text.watermark);
    page.control = optional_text(text.control);
    page.next_token = optional_text(text.next_token);
    page.next_fields = optional_text(text.next_fields);
    page.more = optional_text(text.more);
    page.back = optional_text(text.back);
    page.flags = place_.flags;
    page.offset = place_.offset;
    page.overlap = place_.overlap;
    if (page.format == SG_PAGE_ARROW) {
      page.schema = &owned->schema;
      page.array = &owned->array;
    } else if (page.records.p == nullptr) {
      page.records = detail::text_of("");
    }
    schema_ = ArrowSchema{};
    array_ = ArrowArray{};
    page.owner = owned.release();
    page.release = &release_given;
    detail::copy_out(out, page);
  }

 private:
  struct Texts {
    std::optional<std::string> records, next, removed, delta, total, watermark, control, next_token, next_fields, more, back;
  };
  struct Place {
    std::uint32_t flags = 0;
    std::int64_t offset = 0;
    std::uint64_t overlap = 0;
  };
  struct Owned {
    Texts text;
    ArrowSchema schema;
    ArrowArray array;
  };

  Page& set(std::optional<std::string>& member, std::string value) { return (member = std::move(value), *this); }

  static sg_str optional_text(const std::optional<std::string>& text) { return text ? detail::text_of(*text) : sg_str{nullptr, 0}; }

  static void drop(sg_buf& body, ArrowSchema& schema, ArrowArray& array) noexcept {
    if (body.p != nullptr && body.release != nullptr) body.release(&body);
    if (schema.release != nullptr) schema.release(&schema);
    if (array.release != nullptr) array.release(&array);
  }

  static void release_given(sg_page* page) noexcept {
    auto* owned = static_cast<Owned*>(page->owner);
    drop(page->body, owned->schema, owned->array);
    delete owned;
    page->owner = nullptr;
    page->release = nullptr;
  }

  void release() noexcept { drop(body_, schema_, array_); }

  Texts text_;
  Place place_;
  sg_buf body_{};
  ArrowSchema schema_{};
  ArrowArray array_{};
};

}  // namespace switchgear::sdk
