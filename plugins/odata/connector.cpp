// The connector "odata": reads and writes the entity sets of OData V4 and V2 services. README.md tells its configuration and what it relies
// on.
#include <strings.h>

#include <switchgear/sdk.hpp>

#include "catalog.hpp"
#include "changes.hpp"
#include "query.hpp"
#include "value.hpp"
#include "writer.hpp"

namespace sg = switchgear::sdk;
namespace odata = switchgear::odata;

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// A configured JSON object of texts: {"sap-client": "100"}.
Pairs texts(const sg::Config& config, const char* name) {
  Pairs pairs;
  if (config.str(name, "").empty()) return pairs;
  try {
    const odata::Value value = odata::parse_json(config.json(name));
    if (value.is(odata::Value::Kind::null)) return pairs;
    if (!value.is(odata::Value::Kind::object)) throw std::invalid_argument("no JSON object");
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      if (value.items[i].text.empty() && !value.items[i].is(odata::Value::Kind::text))
        throw std::invalid_argument("an object of other things than texts");
      pairs.emplace_back(value.names[i], value.items[i].text);
    }
  } catch (const std::invalid_argument& error) {
    throw sg::Error(sg::Category::config, "'" + std::string(name) + "' is " + error.what())
        .with_hint(R"(give an object of texts, as {"name": "value"})");
  }
  return pairs;
}

std::string service_root(std::string url) {
  if (url.find_first_of("?#") != std::string::npos)
    throw sg::Error(sg::Category::config, "'url' has a query or a fragment: it has to be the service root alone")
        .with_hint(R"(move parameters into 'query', as {"sap-client": "100"})");
  constexpr std::string_view metadata = "/$metadata";
  if (url.size() > metadata.size() && url.compare(url.size() - metadata.size(), metadata.size(), metadata) == 0)
    url.resize(url.size() - metadata.size());
  while (!url.empty() && url.back() == '/') url.pop_back();
  return url;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

sg::Error not_spoken(const std::string& root, std::string_view version) {
  return sg::Error(sg::Category::unsupported, "version",
                   root + " speaks OData " + std::string(version.substr(0, 3)) + "; this connector speaks V4 and V2")
      .with_hint("look for the V4 or V2 service of the same system");
}

/// V3 has a JSON of its own, which no system of today speaks alone.
void refuse_v3(const sg::Reply& reply, const std::string& root) {
  const std::string_view version = reply.header("DataServiceVersion");
  if (version.substr(0, 1) == "3" && reply.header("OData-Version").empty()) throw not_spoken(root, version);
}

bool is_service_document(const sg::Reply& reply) {
  if (!reply.header("OData-Version").empty()) return true;
  const std::string_view body = reply.body();
  return contains(body, "@odata.context") || contains(body, "\"@context\"") || contains(body, "\"EntitySets\"");
}

odata::BatchFormat batch_format(const std::string& word) {
  if (word == "auto") return odata::BatchFormat::either;
  return word == "json" ? odata::BatchFormat::json : odata::BatchFormat::multipart;
}

}  // namespace

struct OData {
  static constexpr const char* manifest =
      R"({"name": "odata", "version": "1.0.0", "doc": "Reads and writes OData V4 and V2 services.", "pushdown": ["filter", "raw_filter", "order"],
    "config": {
      "url": {"type": "url", "doc": "The service root: the folder that holds $metadata."},
      "page_size": {"type": "int", "default": 1000, "doc": "Records that a page should have (a wish: services may have their own size). 0: theirs."},
      "cursor": {"type": "json", "default": {}, "doc": "Field by which changes are asked for, where it is not found: {\"WorkOrders\": \"ChangedAt\"}."},
      "count": {"type": "bool", "default": false, "doc": "Always ask for the total number of records."},
      "headers": {"type": "json", "default": {}, "doc": "Sent with every request: {\"sap-client\": \"100\"}. No credentials."},
      "query": {"type": "json", "default": {}, "doc": "Query parameters of every request but next links, which hold their own."},
      "etags": {"type": "bool", "default": false, "doc": "Read each record's ETag into the column @odata.etag (V2: __metadata); written back, it is the If-Match."},
      "track_changes": {"type": "bool", "default": false, "doc": "Ask for delta links (Prefer: odata.track-changes), so that syncs learn which records are gone. V4, where the service offers it."},
      "update_method": {"type": "text", "default": "", "doc": "PATCH (in V2 MERGE) changes the fields that a record has, PUT also resets the others."},
      "exact_numbers": {"type": "bool", "default": true, "doc": "Write Int64 and Decimal as texts (IEEE754Compatible=true). False: as numbers, for V4 services that do not know that."},
      "batch": {"type": "text", "default": "auto", "doc": "How $batch is written: json, multipart, or auto: json until the service refuses it. V2 knows multipart only."}}})";

  OData(const sg::Config& config, sg::Call&)
      : root(service_root(config.str("url"))), page_size(config.integer("page_size")), count(config.boolean("count")) {
    for (auto& [entity, field] : texts(config, "cursor")) cursors.emplace(entity, field);
    headers = texts(config, "headers");
    parameters = texts(config, "query");
    etags = config.boolean("etags");
    track_changes = config.boolean("track_changes");
    set_up_writing(config);
    if (page_size < 0) throw sg::Error(sg::Category::config, "'page_size' is " + std::to_string(page_size) + ", it has to be 0 or more");
    for (const auto& [name, value] : headers)
      if (strcasecmp(name.c_str(), "Authorization") == 0 || strcasecmp(name.c_str(), "Cookie") == 0)
        throw sg::Error(sg::Category::config, "'headers' holds '" + name + "': credentials are not kept there").with_hint("use auth=");
  }

  void check(sg::Call& call) {
    const sg::Reply reply = call.try_send(request("/", "application/json"));
    if (!reply && reply.error().category == sg::Category::not_found)
      throw sg::Error(sg::Category::config, "service_root", root + "/ answers 404: there is no service at this path")
          .with_hint("check the path of 'url'")
          .with_status(404);
    if (!reply) throw sg::Error(reply.error());
    refuse_v3(reply, root);
    if (!is_service_document(reply))
      throw sg::Error(sg::Category::protocol, "service_document", root + "/ answers, but not as an OData service does")
          .with_hint("check that 'url' is the service root: the folder that holds $metadata")
          .with_status(reply.status());
  }

  std::string discover(sg::Call& call) {
    const sg::Reply metadata = call.try_send(request("/$metadata", "application/xml"));
    if (!metadata && hidden(metadata.error().category)) return discover_names(call, metadata.error());
    if (!metadata) throw sg::Error(metadata.error());
    try {
      const odata::Model model = odata::parse_csdl(metadata.body());
      for (const std::string& problem : model.problems.list) call.log(sg::LogLevel::warning, root + "/$metadata, " + problem);
      if (model.problems.unlisted != 0)
        call.log(sg::LogLevel::warning, root + "/$metadata: " + std::to_string(model.problems.unlisted) + " more problems");
      return odata::catalog_json(model, cursors, etags, track_changes);
    } catch (const odata::MetadataError& error) {
      throw sg::Error(sg::Category::protocol, "metadata", root + "/$metadata: " + error.what()).with_hint(error.hint);
    }
  }

  sg::Page read(const sg::Entity& entity, const sg::Position& at, sg::Call& call) {
    sg::Entity asked = entity;
    if (const auto named = cursors.find(entity.name); named != cursors.end() && asked.cursor.empty()) asked.cursor = named->second;
    sg::Reply reply = call.send(at.token.empty() ? first_page(asked, at) : next_page(asked, at));
    refuse_v3(reply, root);
    if (is_v2(entity)) return v2_page(std::move(reply), asked.cursor);
    // 4.01 services may leave out "odata."; nearly all answer 4.0, which is what is asked for, and are not searched.
    const bool short_names = reply.header("OData-Version").substr(0, 4) == "4.01" && !contains(reply.body(), "\"@odata.");
    const std::string prefix = short_names ? "/@" : "/@odata.";
    auto settled = track_changes ? odata::settled_changes(entity, at.columns, reply.body()) : std::nullopt;
    return (settled ? sg::Page(std::move(*settled)) : sg::Page(std::move(reply)))
        .records("/value")
        .next(prefix + "nextLink")
        .delta(prefix + "deltaLink")
        .removed(odata::removed_pointer)
        .total(prefix + "count")
        .watermark(asked.cursor)
        .control("@");
  }

  void write(const sg::Entity& entity, const sg::Batch& batch, sg::Outcomes& outcomes, sg::Call& call) {
    const bool v2 = is_v2(entity);
    style.prepare = [this, v2](const char* accept) {
      sg::Request post("POST", root + "/$batch");
      for (const auto& [name, value] : parameters) post.query(name, value);
      return prepared(std::move(post), accept, v2).header("Prefer", "odata.continue-on-error");
    };
    odata::Writer(entity, batch, outcomes, call, style).run();
  }

  std::string root;
  std::int64_t page_size;
  bool count;
  bool etags = false;
  bool track_changes = false;
  odata::WriteStyle style;
  odata::Cursors cursors;
  Pairs headers, parameters;

 private:
  static bool hidden(sg::Category category) {
    return category == sg::Category::not_found || category == sg::Category::gone || category == sg::Category::permission ||
           category == sg::Category::bad_request;
  }

  static bool is_v2(const sg::Entity& entity) { return odata::dialect_of(entity) == odata::Dialect::v2; }

  void set_up_writing(const sg::Config& config) {
    const auto refuse = [](const char* name, const std::string& word, const char* offered) {
      throw sg::Error(sg::Category::config, "'" + std::string(name) + "' is '" + word + "'").with_hint(offered);
    };
    style.update_method = config.str("update_method");
    if (const std::string& word = style.update_method; !word.empty() && word != "PATCH" && word != "PUT" && word != "MERGE")
      refuse("update_method", word, "give PATCH, MERGE or PUT, or nothing");
    const std::string& format = config.str("batch");
    if (format != "auto" && format != "json" && format != "multipart") refuse("batch", format, "give auto, json or multipart");
    style.format = batch_format(format);
    style.exact_numbers = config.boolean("exact_numbers");
  }

  /// {"d": {"results": [...], "__next": ..., "__count": ...}}; of V1 {"d": [...]}.
  static sg::Page v2_page(sg::Reply reply, const std::string& cursor) {
    const std::string_view body = reply.body();
    const std::size_t first = body.find_first_not_of(" \t\r\n", body.find(':') + 1);
    const bool bare = first < body.size() && body[first] == '[';
    return sg::Page(std::move(reply))
        .records(bare ? "/d" : "/d/results")
        .next("/d/__next")
        .total("/d/__count")
        .watermark(cursor)
        .control("__metadata");
  }

  sg::Request prepared(sg::Request request, const char* accept, bool v2 = false) const {
    request.header("Accept", accept);
    if (v2) {
      request.header("DataServiceVersion", "2.0").header("MaxDataServiceVersion", "2.0");
    } else {
      request.header("OData-Version", "4.0").header("OData-MaxVersion", "4.0");
    }
    for (const auto& [name, value] : headers) request.header(name, value);
    return request;
  }

  sg::Request request(const std::string& path, const char* accept, bool v2 = false) const {
    sg::Request request("GET", root + path);
    for (const auto& [name, value] : parameters) request.query(name, value);
    return prepared(std::move(request), accept, v2);
  }

  sg::Request paged(sg::Request request, const sg::Position& at) const {
    const std::int64_t size = at.page_size_or(page_size);
    std::string wishes = size > 0 ? "odata.maxpagesize=" + std::to_string(size) : "";
    // A link holds what its listing was begun with.
    if (track_changes && at.changes && at.token.empty()) wishes.append(wishes.empty() ? "" : ",").append("odata.track-changes");
    if (!wishes.empty()) request.header("Prefer", wishes);
    return request;
  }

  std::string url_of(const sg::Entity& entity) const { return root + "/" + odata::encoded_path(path_of(entity)); }
  static const std::string& path_of(const sg::Entity& entity) { return entity.path.empty() ? entity.name : entity.path; }

  /// Decimals whose scale is open are columns of text: they are asked for as texts, since a number's digits would have no place there.
  static const char* accepted(const sg::Entity& entity) {
    return is_v2(entity) || entity.property("decimals_as_text").empty() ? "application/json" : "application/json;IEEE754Compatible=true";
  }

  sg::Request first_page(const sg::Entity& entity, const sg::Position& at) const {
    if (const std::string version = entity.property("odata_version"); version.substr(0, 1) == "3") throw not_spoken(root, version);
    sg::Position wanted = at;
    wanted.count = at.count || count;
    sg::Request first = request("/" + odata::encoded_path(path_of(entity)), accepted(entity), is_v2(entity));
    for (const auto& [name, value] : odata::query_options(entity, wanted)) first.query(name, value);
    return paged(std::move(first), at);
  }

  /// The token is the service's own next link, absolute or relative to where the listing was asked for.
  sg::Request next_page(const sg::Entity& entity, const sg::Position& at) const {
    return paged(prepared(sg::Request("GET", at.token).link(url_of(entity)), accepted(entity), is_v2(entity)), at);
  }

  std::string discover_names(sg::Call& call, const sg::Error& reason) {
    call.log(sg::LogLevel::warning, root + "/$metadata can't be read (" + reason.what() + "): entities are listed without their fields");
    const sg::Reply document = call.send(request("/", "application/json"));
    refuse_v3(document, root);
    return odata::catalog_json_from_service_document(document.body(), cursors);
  }
};
SWITCHGEAR_CONNECTOR(OData)
