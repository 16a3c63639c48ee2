#include "switchgear/http/recorded_transport.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "redaction.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/base/text.hpp"
#include "switchgear/base/utf8.hpp"

namespace switchgear {
namespace {

using nlohmann::ordered_json;

[[noreturn]] void refuse(const std::string& what, const std::string& hint) {
  throw Error(Category::config, "recording", what).with_hint(hint);
}

// Bytes that are no text are kept as base64, under another name.
void put_body(ordered_json& into, std::string_view body) {
  if (body.empty()) return;
  if (first_invalid_utf8(body) == body.size()) {
    into["body"] = body;
  } else {
    into["body_base64"] = base64_encode(body);
  }
}

std::string get_body(const ordered_json& from) {
  if (const auto found = from.find("body"); found != from.end()) return found->get<std::string>();
  const auto found = from.find("body_base64");
  if (found == from.end()) return {};
  return base64_decode(found->get_ref<const std::string&>()).value_or("");
}

ordered_json headers_to_json(const Headers& headers) {
  ordered_json list = ordered_json::array();
  for (const auto& [name, value] : headers) list.push_back(name + ": " + to_valid_utf8(value));
  return list;
}

Headers headers_from_json(const ordered_json& list) {
  Headers headers;
  for (const auto& line : list) {
    const auto& text = line.get_ref<const std::string&>();
    const auto colon = text.find(':');
    headers.add(text.substr(0, colon), colon == std::string::npos ? "" : std::string(trim(std::string_view(text).substr(colon + 1))));
  }
  return headers;
}

ordered_json request_to_json(const HttpRequest& request, const Redactor& redactor) {
  ordered_json json{{"method", request.method}, {"url", to_valid_utf8(redacted_url(request.url, redactor))}};
  json["headers"] = headers_to_json(redacted_headers(request.headers, redactor));
  put_body(json, redacted_body(request.body, redactor));
  return json;
}

ordered_json response_to_json(const HttpResponse& response, const Redactor& redactor) {
  ordered_json json{
      {"status", response.status}, {"url", to_valid_utf8(redacted_url(response.url, redactor))}, {"http_version", response.http_version}};
  json["headers"] = headers_to_json(redacted_headers(response.headers, redactor));
  put_body(json, redacted_body(response.body.view(), redactor));
  return json;
}

HttpResponse response_from_json(const ordered_json& json) {
  HttpResponse response;
  response.status = json.at("status").get<int>();
  response.url = json.value("url", "");
  response.http_version = json.value("http_version", "1.1");
  if (const auto headers = json.find("headers"); headers != json.end()) response.headers = headers_from_json(*headers);
  response.body = Buffer(get_body(json));
  return response;
}

ordered_json error_to_json(const Error& error, const Redactor& redactor) {
  return {{"category", to_string(error.category)},
          {"detail", error.detail},
          {"message", to_valid_utf8(redactor.redact(error.message))},
          {"hint", to_valid_utf8(redactor.redact(error.hint))},
          {"retryable", error.retryable},
          {"nothing_sent", error.nothing_sent}};
}

Error error_from_json(const ordered_json& json) {
  const auto category = category_from(json.at("category").get<std::string>());
  if (!category) throw std::invalid_argument("unknown category " + json.at("category").get<std::string>());
  Error error(*category, json.value("detail", ""), json.value("message", ""));
  error.hint = json.value("hint", "");
  error.retryable = json.value("retryable", false);
  error.nothing_sent = json.value("nothing_sent", false);
  return error;
}

class Recorder final : public RecordedTransport {
 public:
  Recorder(std::string path, std::shared_ptr<Transport> real, std::shared_ptr<const Redactor> redactor)
      : path_(std::move(path)), out_(path_, std::ios::binary | std::ios::trunc), real_(std::move(real)), redactor_(std::move(redactor)) {
    if (!out_) refuse("the recording '" + path_ + "' cannot be written", "check the folder and its permissions");
  }

  HttpResponse send(const HttpRequest& request, std::stop_token stop) override {
    try {
      HttpResponse response = real_->send(request, stop);
      write({{"request", request_to_json(request, *redactor_)}, {"response", response_to_json(response, *redactor_)}});
      return response;
    } catch (const Error& error) {
      const bool own = error.category == Category::config && error.detail == "recording";
      if (error.category != Category::cancelled && !own) {
        write({{"request", request_to_json(request, *redactor_)}, {"error", error_to_json(error, *redactor_)}});
      }
      throw;
    }
  }

 private:
  void write(const ordered_json& exchange) {
    const std::string line = exchange.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
    const std::lock_guard lock(mutex_);
    out_ << line << '\n' << std::flush;
    if (!out_) refuse("the recording '" + path_ + "' cannot be written any further", "check the free space");
  }

  std::string path_;
  std::mutex mutex_;
  std::ofstream out_;
  std::shared_ptr<Transport> real_;
  std::shared_ptr<const Redactor> redactor_;
};

class Replay final : public RecordedTransport {
 public:
  Replay(const std::string& path, std::shared_ptr<const Redactor> redactor)
      : path_(path), redactor_(redactor ? std::move(redactor) : std::make_shared<const Redactor>()) {
    std::ifstream in(path, std::ios::binary);
    if (!in) refuse("the recording '" + path + "' cannot be read", "record it first, or correct the path");
    std::string line;
    for (int number = 1; std::getline(in, line); ++number) {
      if (trim(line).empty()) continue;
      try {
        take(ordered_json::parse(line));
      } catch (const std::exception& failure) {
        refuse("line " + std::to_string(number) + " of the recording '" + path + "' is no exchange: " + failure.what(), "record it again");
      }
    }
  }

  HttpResponse send(const HttpRequest& request, std::stop_token stop) override {
    if (stop.stop_requested()) throw Error(Category::cancelled, "the request was cancelled before it was sent");
    const Key key{request.method, redacted_url(request.url, *redactor_), redacted_body(request.body, *redactor_)};
    const std::lock_guard lock(mutex_);
    const auto found = exchanges_.find(key);
    if (found == exchanges_.end()) refuse_unknown(key);
    Line& line = found->second;
    if (line.next == line.answers.size()) {
      const std::size_t count = line.answers.size();
      refuse(describe(key) + " was recorded " + (count == 1 ? "once" : std::to_string(count) + " times") + " in '" + path_ +
                 "' and has been answered as often",
             "the code under test asks more often than before: record again");
    }
    const ordered_json& exchange = line.answers[line.next++];
    if (const auto error = exchange.find("error"); error != exchange.end()) throw error_from_json(*error);
    return response_from_json(exchange.at("response"));
  }

 private:
  struct Key {
    std::string method, url, body;
    auto operator<=>(const Key&) const = default;
  };
  struct Line {
    std::vector<ordered_json> answers;
    std::size_t next = 0;
  };

  void take(ordered_json exchange) {
    const ordered_json& request = exchange.at("request");
    Key key{request.at("method").get<std::string>(), request.at("url").get<std::string>(), get_body(request)};
    if (const auto error = exchange.find("error"); error != exchange.end()) {
      error_from_json(*error);  // so that a faulty line is found now, not in the middle of a test
    } else {
      response_from_json(exchange.at("response"));
    }
    exchanges_[std::move(key)].answers.push_back(std::move(exchange));
  }

  static std::string describe(const Key& key) { return key.method + " " + key.url; }

  [[noreturn]] void refuse_unknown(const Key& key) const {
    const std::string wanted = describe(key).substr(0, 300);
    const Key* nearest = nullptr;
    std::size_t least = 0;
    for (const auto& entry : exchanges_) {
      const std::size_t distance = edit_distance(wanted, describe(entry.first).substr(0, 300));
      if (nearest == nullptr || distance < least) {
        nearest = &entry.first;
        least = distance;
      }
    }
    std::string what = wanted + " is not in the recording '" + path_ + "'";
    if (nearest == nullptr) {
      what += ", which is empty";
    } else if (nearest->method == key.method && nearest->url == key.url) {
      what += " with this body: " + key.body.substr(0, 200) + " (recorded: " + nearest->body.substr(0, 200) + ")";
    } else {
      what += "; the nearest there is " + describe(*nearest).substr(0, 300);
    }
    refuse(what, "record again, or make the request as it was recorded");
  }

  std::string path_;
  std::shared_ptr<const Redactor> redactor_;
  std::mutex mutex_;
  std::map<Key, Line> exchanges_;
};

}  // namespace

std::unique_ptr<RecordedTransport> RecordedTransport::record(std::string path, std::shared_ptr<Transport> real,
                                                             std::shared_ptr<const Redactor> redactor) {
  return std::make_unique<Recorder>(std::move(path), std::move(real), std::move(redactor));
}

std::unique_ptr<RecordedTransport> RecordedTransport::replay(const std::string& path, std::shared_ptr<const Redactor> redactor) {
  return std::make_unique<Replay>(path, std::move(redactor));
}

}  // namespace switchgear
