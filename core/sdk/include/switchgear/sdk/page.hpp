// A page of records on its way to the host: a reply's body and where in it to look (JSON pointers, RFC 6901), or Arrow columns.
//
// Move-only; owns the body until the host takes it. The host parses the body, once: a connector need not look at it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

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
        body_(std::exchange(other.body_, sg_buf{})),
        schema_(std::exchange(other.schema_, ArrowSchema{})),
        array_(std::exchange(other.array_, ArrowArray{})) {}
  Page& operator=(Page&& other) noexcept {
    if (this != &other) {
      release();
      text_ = std::move(other.text_);
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
  /// -> array of deleted records' keys
  Page& removed(std::string pointer) & { return set(text_.removed, std::move(pointer)); }
  /// -> token from which to ask for changes later
  Page& delta(std::string pointer) & { return set(text_.delta, std::move(pointer)); }
  /// -> number of records in all
  Page& total(std::string pointer) & { return set(text_.total, std::move(pointer)); }
  /// The NAME of the field by which the listing advances.
  Page& watermark(std::string field) & { return set(text_.watermark, std::move(field)); }
  /// Fields whose name contains this text are the protocol's, not data: "@" in OData.
  Page& control(std::string text) & { return set(text_.control, std::move(text)); }

  Page&& records(std::string pointer) && { return std::move(records(std::move(pointer))); }
  Page&& next(std::string pointer) && { return std::move(next(std::move(pointer))); }
  Page&& next_token(std::string token) && { return std::move(next_token(std::move(token))); }
  Page&& removed(std::string pointer) && { return std::move(removed(std::move(pointer))); }
  Page&& delta(std::string pointer) && { return std::move(delta(std::move(pointer))); }
  Page&& total(std::string pointer) && { return std::move(total(std::move(pointer))); }
  Page&& watermark(std::string field) && { return std::move(watermark(std::move(field))); }
  Page&& control(std::string text) && { return std::move(control(std::move(text))); }

  std::string_view body() const { return detail::view(body_); }

  /// Hands everything to the host.
  void give(sg_page* out) && {
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
    std::optional<std::string> records, next, removed, delta, total, watermark, control, next_token;
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
  sg_buf body_{};
  ArrowSchema schema_{};
  ArrowArray array_{};
};

}  // namespace switchgear::sdk
