// How a request is put together, and what a reply that is none of records amounts to.
#include <algorithm>
#include <array>

#include "json_text.hpp"
#include "reader.hpp"

namespace switchgear::rest {
namespace {

const char* accepted(Format format) {
  constexpr std::array<const char*, 4> types = {"application/json", "application/x-ndjson, application/jsonl, application/json", "text/csv",
                                                "application/xml, text/xml"};
  return types[static_cast<std::size_t>(format)];
}

Parameters::iterator named(Parameters& parameters, const std::string& name) {
  return std::find_if(parameters.begin(), parameters.end(), [&](const Parameter& each) { return each.name == name; });
}

/// What is asked for later replaces what the description sets for all requests.
void put(Parameters& parameters, Parameter made) {
  const auto same = named(parameters, made.name);
  if (same == parameters.end()) {
    parameters.push_back(std::move(made));
  } else {
    *same = std::move(made);
  }
}

/// The body: the description's members, then the parameters.
std::string body_of(const Entity& entity, const Parameters& parameters) {
  std::string json = "{";
  const auto add = [&](const std::string& name, std::string_view value) {
    json.append(json.size() > 1 ? "," : "").append(quoted(name)).append(":").append(value);
  };
  if (!entity.body.empty()) {
    for (const auto& [name, value] : members(entity.body)) {
      const std::string& its_name = name;
      const bool replaced = std::any_of(parameters.begin(), parameters.end(), [&](const Parameter& each) { return each.name == its_name; });
      if (!replaced) add(name, value);
    }
  }
  for (const Parameter& parameter : parameters) add(parameter.name, parameter.json);
  return json + "}";
}

std::string first_text(std::string_view body, const std::vector<std::string>& pointers) {
  for (const std::string& pointer : pointers) {
    const auto found = find(body, pointer);
    if (found && *found != "null") return text_of(*found);
  }
  return {};
}

std::string shortened(const std::string& text) { return text.size() <= 400 ? text : text.substr(0, 400) + "..."; }

}  // namespace

std::optional<std::string> Reader::value_of(std::string_view name, std::string_view parent) const {
  if (const auto variable = variables_.find(name); variable != variables_.end()) return variable->second;
  if (parent.empty()) return std::nullopt;
  const auto found = find(parent, "/" + pointer_token(name));
  if (!found || *found == "null") return std::nullopt;
  return text_of(*found);
}

std::string Reader::rendered(const Template& form, std::string_view parent, Encoding encoding) const {
  try {
    return form.render([&](std::string_view name) { return value_of(name, parent); }, encoding);
  } catch (const std::out_of_range& missing) {
    throw sdk::Error(
        sdk::Category::data, "parent",
        "a record of the parent has no '" + std::string(missing.what()) + "', which the path needs: " + std::string(parent.substr(0, 120)));
  }
}

Parameters Reader::parameters_for(const Entity& entity, const sdk::Position& at, const Ask& asked, std::string_view parent) const {
  Parameters all;
  for (const Forms* forms : {&description_.params, &entity.params}) {
    for (const auto& [name, form] : *forms) put(all, text_parameter(name, rendered(form, parent, Encoding::none)));
  }
  Parameters wanted = query_parameters(entity, at);
  for (Parameter& each : wanted) {
    if (each.text.empty() && !entity.parameters_in_body)
      throw sdk::Error(sdk::Category::unsupported, "filter", "the parameter '" + each.name + "' would be empty, and be left out")
          .with_hint("read without this condition, and select in pandas, polars or DuckDB");
    put(all, each);
  }
  for (const Parameter& each : asked.parameters) {
    if (named(wanted, each.name) != wanted.end())
      throw sdk::Error(
          sdk::Category::unsupported, "filter",
          "'" + each.name + "' says where the listing of '" + entity.name + "' goes on: it can't hold a condition or an order as well")
          .with_hint("read without it, and select in pandas, polars or DuckDB");
    put(all, each);
  }
  return all;
}

void Reader::add_credentials(sdk::Request& request) const {
  const Auth& auth = description_.auth;
  const std::string name = rendered(auth.name, {}, Encoding::none);
  if (auth.kind == Auth::Kind::none) request.no_auth();
  if (auth.kind == Auth::Kind::bearer) request.bearer(auth.secret);
  if (auth.kind == Auth::Kind::basic) request.basic(name, auth.secret);
  if (auth.kind == Auth::Kind::header) request.header_secret(name, auth.secret);
  if (auth.kind == Auth::Kind::query) request.query_secret(name, auth.secret);
}

void Reader::add_headers(const Entity* entity, sdk::Request& request) const {
  bool accept = false;
  const auto add = [&](const Forms& forms) {
    for (const auto& [name, form] : forms) {
      accept = accept || sdk::detail::equal_ignoring_case(name, "Accept");
      const std::string value = rendered(form, {}, Encoding::none);
      if (!value.empty()) request.header(name, value);  // of an optional variable
    }
  };
  add(description_.headers);
  if (entity != nullptr) add(entity->headers);
  if (!accept) request.header("Accept", accepted(entity == nullptr ? Format::json : entity->format));
}

sdk::Request Reader::request_for(const Entity& entity, const sdk::Position& at, const Ask& asked, std::string_view parent) const {
  const std::string path = rendered(entity.path, parent, Encoding::path);
  const std::string url = base_ + (path.empty() || path.front() == '/' ? "" : "/") + path;
  sdk::Request request(entity.method, asked.url.empty() ? url : asked.url);
  request.safe();  // what lists records changes none, by POST neither
  if (!asked.url.empty()) request.link(url);
  const Parameters parameters = asked.url.empty() ? parameters_for(entity, at, asked, parent) : Parameters();
  if (entity.parameters_in_body || !entity.body.empty())
    request.json(body_of(entity, entity.parameters_in_body ? parameters : Parameters()));
  if (!entity.parameters_in_body) {
    for (const Parameter& each : parameters) request.query(each.name, std::string_view(each.text));
  }
  add_headers(&entity, request);
  add_credentials(request);
  return request;
}

sdk::Request Reader::write_request(const Entity& entity, const Write& write, std::string_view record, const std::string& key) const {
  const auto value = [&](std::string_view name) {
    if (name == "key") return key.empty() ? std::nullopt : std::optional<std::string>(key);
    return value_of(name, record);
  };
  std::string path;
  try {
    path = write.path.render(value, Encoding::path);
  } catch (const std::out_of_range& missing) {
    throw sdk::Error(sdk::Category::data, "key", "the record has no '" + std::string(missing.what()) + "', which its URL needs")
        .with_hint("give it, or let the path of the description do without");
  }
  sdk::Request request(write.method, base_ + (path.empty() || path.front() == '/' ? "" : "/") + path);
  for (const Forms* forms : {&description_.params, &entity.params}) {
    for (const auto& [name, form] : *forms) request.query(name, std::string_view(rendered(form, record, Encoding::none)));
  }
  add_headers(&entity, request);
  add_credentials(request);
  return request;
}

sdk::Error Reader::error_at(std::string_view body, const std::string& pointer) const {
  std::string message = first_text(body, description_.errors.message);
  const std::string code = first_text(body, description_.errors.code);
  if (message.empty()) {
    const auto found = find(body, pointer);
    message = found ? text_of(*found) : std::string();
  }
  return coded(sdk::Error(sdk::Category::bad_request, (code.empty() ? "" : code + ": ") + shortened(message)), body);
}

/// What the description says about the code that stands in an error.
sdk::Error Reader::coded(sdk::Error error, std::string_view body) const {
  const Errors& rules = description_.errors;
  try {
    const std::string code = first_text(body, rules.code);
    for (const auto& [known, category] : rules.categories) {
      if (known == code) error.category = static_cast<sdk::Category>(category_from(category).value_or(SG_SERVER));
    }
  } catch (const JsonError&) {  // an error in prose has no code
  }
  return error;
}

void Reader::judge(const sdk::Reply& reply, sdk::Call& call) {
  const RateLimit& limit = description_.rate_limit;
  if (!limit.remaining.empty() && reply.header(limit.remaining) == "0" && !warned_of_limit_) {
    warned_of_limit_ = true;
    call.log(sdk::LogLevel::warning, "the source says that no request is left for now (" + limit.remaining + ": 0)");
  }
  if (reply) return;
  sdk::Error error = coded(reply.error(), reply.body());
  if (const std::string wait(limit.retry_after.empty() ? "" : reply.header(limit.retry_after)); is_number(wait) && wait.size() < 10)
    error.retry_after_ms = static_cast<std::int64_t>(std::stod(wait) * (limit.milliseconds ? 1 : 1000));
  if (error.category == sdk::Category::auth_invalid && description_.auth.kind == Auth::Kind::connection && !own_url_)
    error.hint = "credentials of auth=… go only to the server that url=… names: give url=\"" + base_ + "\" as well";
  throw sdk::Error(error);
}

/// An error that travels as a success.
void Reader::judge_body(const Entity& entity, std::string_view document, int status) const {
  const Errors& rules = description_.errors;
  if (rules.when.empty() && rules.unless.empty()) return;
  std::string where;
  try {
    for (const std::string& pointer : rules.when) {
      if (where.empty() && is_something(find(document, pointer))) where = pointer;
    }
    for (const std::string& pointer : rules.unless) {
      const auto found = where.empty() ? find(document, pointer) : std::nullopt;
      if (found && !is_something(found)) where = pointer;
    }
    if (where.empty()) return;
    std::string message = first_text(document, rules.message);
    if (message.empty()) message = std::string(find(document, where).value_or(""));
    const std::string code = first_text(document, rules.code);
    throw coded(sdk::Error(sdk::Category::server, "in_success",
                           "the source answers '" + entity.name + "' with status " + std::to_string(status) + " and an error at " + where +
                               ": " + (code.empty() ? "" : code + ": ") + shortened(message))
                    .with_status(status),
                document);
  } catch (const JsonError&) {  // no JSON: the page will say so
  }
}

}  // namespace switchgear::rest
