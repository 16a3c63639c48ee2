#include <gtest/gtest.h>

#include "received.hpp"
#include "switchgear/webhook/envelope.hpp"

namespace switchgear {
namespace {

std::vector<WebhookEvent> parse(const std::string& body, const Headers& headers) {
  const std::vector<HeaderView> views = views_of(headers);
  return parse_events({body, views});
}

/// The code; "" if it is taken.
std::string refused(const std::string& body, const Headers& headers) {
  try {
    parse(body, headers);
    return "";
  } catch (const Error& error) {
    EXPECT_EQ(error.category, Category::signature);
    EXPECT_FALSE(error.hint.empty());
    return error.detail;
  }
}

const Headers structured{{"Content-Type", "application/cloudevents+json"}};
const Headers batch{{"Content-Type", "application/cloudevents-batch+json"}};
const std::string one = R"({"specversion":"1.0","id":"A1","source":"/mes/line-4","type":"part.done")";

Headers binary(const Headers& more = {}) {
  Headers headers{{"ce-specversion", "1.0"}, {"ce-id", "A1"}, {"ce-source", "/mes/line-4"}, {"ce-type", "part.done"}};
  for (const auto& [name, value] : more) headers.set(name, value);
  return headers;
}

TEST(CloudEvents, StructuredHaveEveryAttribute) {
  const auto events = parse(one + R"(,"subject":"7","time":"2018-04-05T17:31:00.123456789Z","datacontenttype":"application/json",
                                     "ext1":true,"ext2":-42,"ext3":null,"data":{"connection_id":"sap-mt","n":1}})",
                            {{"content-type", "Application/CloudEvents+JSON; charset=UTF-8"}});
  ASSERT_EQ(events.size(), 1U);
  const WebhookEvent& event = events.front();
  EXPECT_EQ(event.id, "A1");
  EXPECT_EQ(event.type, "part.done");
  EXPECT_EQ(event.attribute("source"), "/mes/line-4");
  EXPECT_EQ(event.attribute("subject"), "7");
  EXPECT_EQ(event.attribute("ext1"), "true");
  EXPECT_EQ(event.attribute("ext2"), "-42");
  EXPECT_EQ(event.attribute("ext3"), "");
  EXPECT_EQ(event.attribute("specversion"), "1.0");
  EXPECT_EQ(event.timestamp, WallTime(std::chrono::nanoseconds(1'522'949'460'123'456'789)));
  EXPECT_EQ(event.connection_id, "sap-mt");
  EXPECT_EQ(event.data, R"({"connection_id":"sap-mt","n":1})");
}

TEST(CloudEvents, DataIsJsonOrBytesOrNone) {
  EXPECT_EQ(parse(one + "}", structured).front().kind, EventData::none);
  EXPECT_EQ(parse(one + R"(,"data":null})", structured).front().kind, EventData::json);
  EXPECT_EQ(parse(one + R"(,"data":null})", structured).front().data, "null");
  EXPECT_EQ(parse(one + R"(,"datacontenttype":"text/xml","data":"<a/>"})", structured).front().data, "\"<a/>\"");
  const WebhookEvent bytes = parse(one + R"(,"data_base64":"AP8="})", structured).front();
  EXPECT_EQ(bytes.kind, EventData::binary);
  EXPECT_EQ(bytes.data, std::string("\0\xff", 2));
  EXPECT_EQ(refused(one + R"(,"data":1,"data_base64":"AP8="})", structured), "malformed_body");
  EXPECT_EQ(refused(one + R"(,"data_base64":"AP8=","data":1})", structured), "malformed_body");
  EXPECT_EQ(refused(one + R"(,"data_base64":"?"})", structured), "malformed_body");
  EXPECT_EQ(refused(one + R"(,"data":1,"data":2})", structured), "malformed_body");
}

TEST(CloudEvents, BatchIsToldBeforeTheSingleOne) {
  EXPECT_EQ(parse("[]", batch).size(), 0U);
  EXPECT_EQ(parse("[" + one + "}," + one + R"(,"data":1}])", batch).size(), 2U);
  EXPECT_EQ(parse("[" + one + "}]", {{"CONTENT-TYPE", "APPLICATION/CLOUDEVENTS-BATCH+JSON"}}).size(), 1U);
  EXPECT_EQ(refused(one + "}", batch), "malformed_body");
  EXPECT_EQ(refused("[" + one + "}]", structured), "malformed_body");
  EXPECT_EQ(refused("[" + one + "},]", batch), "malformed_body");
  EXPECT_EQ(refused("[1]", batch), "malformed_body");
  EXPECT_EQ(refused("[" + one + "}] x", batch), "malformed_body");
}

TEST(CloudEvents, OfOtherFormatsAndVersionsAreRefused) {
  EXPECT_EQ(refused("<x/>", {{"Content-Type", "application/cloudevents+xml"}}), "unsupported_version");
  EXPECT_EQ(refused("", {{"Content-Type", "application/cloudevents-batch+avro"}}), "unsupported_version");
  EXPECT_EQ(refused(R"({"specversion":"0.3","id":"A1","source":"s","type":"t"})", structured), "unsupported_version");
  EXPECT_EQ(refused("", binary({{"ce-specversion", "0.3"}})), "unsupported_version");
}

TEST(CloudEvents, LackNothingThatIsRequired) {
  for (const std::string name : {"specversion", "id", "source", "type"}) {
    std::string body = R"({"specversion":"1.0","id":"A1","source":"s","type":"t"})";
    const std::size_t at = body.find("\"" + name);
    body[at + 1] = 'x';
    EXPECT_EQ(refused(body, structured), "malformed_body") << body;
    Headers headers = binary();
    headers.remove("ce-" + name);
    EXPECT_EQ(refused("", headers), "missing_header") << name;
    headers.add("ce-" + name, "");
    EXPECT_EQ(refused("", headers), "missing_header") << name;
  }
  EXPECT_EQ(refused(one + R"(,"id":"A2"})", structured), "malformed_body") << "one of them twice";
  EXPECT_EQ(refused(one + R"(,"time":"yesterday"})", structured), "malformed_body");
  EXPECT_EQ(refused(one + R"(,"Time":"x"})", structured), "malformed_body") << "no name of an attribute";
  EXPECT_EQ(refused(one + R"(,"ext":{}})", structured), "malformed_body");
  EXPECT_EQ(refused(one + R"(,"ext":1.5})", structured), "malformed_body");
}

TEST(CloudEvents, BinaryHaveTheirAttributesInHeaders) {
  const auto events = parse(R"({"n":1})", binary({{"CE-Subject", "7"}, {"Content-Type", "application/json; charset=utf-8"}}));
  const WebhookEvent& event = events.front();
  EXPECT_EQ(event.attribute("subject"), "7");
  EXPECT_EQ(event.attribute("datacontenttype"), "application/json; charset=utf-8");
  EXPECT_EQ(event.kind, EventData::json);
  EXPECT_EQ(event.data, R"({"n":1})");
  EXPECT_EQ(parse("\xff", binary({{"Content-Type", "image/png"}})).front().kind, EventData::binary);
  EXPECT_EQ(parse("{}", binary()).front().kind, EventData::binary) << "of no known type";
  EXPECT_EQ(parse("", binary()).front().kind, EventData::none);
  EXPECT_TRUE(parse("x", binary({{"Content-Type", ""}})).front().attributes.size() == 2) << "an empty one is none";
  EXPECT_EQ(refused("{", binary({{"Content-Type", "application/vnd.x+json"}})), "malformed_body");
  EXPECT_EQ(refused("", binary({{"ce-datacontenttype", "text/plain"}})), "malformed_header");
  EXPECT_EQ(refused("", binary({{"ce-data", "x"}})), "malformed_header");
  EXPECT_EQ(refused("", binary({{"Content-Type", "text/\xff"}})), "malformed_header");
  Headers twice = binary();
  twice.add("Ce-Id", "A1");
  EXPECT_EQ(refused("", twice), "duplicate_header");
}

TEST(CloudEvents, HeaderValuesArePercentDecodedOnce) {
  const auto subject = [](const char* value) {
    return std::string(parse("", binary({{"ce-subject", value}})).front().attribute("subject"));
  };
  EXPECT_EQ(subject("Euro%20%E2%82%AC%20%F0%9F%98%80"), "Euro \xe2\x82\xac \xf0\x9f\x98\x80");
  EXPECT_EQ(subject("a%2525"), "a%25");
  EXPECT_EQ(subject("%e2%82%ac"), "\xe2\x82\xac");
  EXPECT_EQ(subject("\"a \\\"b\\\" %22\""), "a \"b\" \"");
  EXPECT_EQ(subject("100%"), "100%");
  EXPECT_EQ(refused("", binary({{"ce-subject", "%C0%A0"}})), "malformed_header");
  EXPECT_EQ(refused("", binary({{"ce-subject", "%FF"}})), "malformed_header");
  EXPECT_EQ(refused("", binary({{"ce-subject", "%ED%A0%80"}})), "malformed_header");
}

TEST(CloudEvents, AreReadAsTheyWereWritten) {
  WebhookEvent event{.id = "A \"1\" %",
                     .type = "part.done",
                     .timestamp = WallTime(std::chrono::milliseconds(1'614'265'330'250)),
                     .connection_id = "",
                     .kind = EventData::json,
                     .data = R"({"n": [1, null]})",
                     .attributes = {{"source", "/m\xc3\xa4rz\n/\xf0\x9f\x98\x80"}, {"traceparent", "00-1"}}};
  WebhookEvent bytes = event;
  bytes.kind = EventData::binary;
  bytes.data = std::string("\0\xff", 2);
  WebhookEvent none = event;
  none.kind = EventData::none;
  none.data = "";
  const auto expect_same = [](const WebhookEvent& read, const WebhookEvent& written) {
    EXPECT_EQ(read.id, written.id);
    EXPECT_EQ(read.type, written.type);
    EXPECT_EQ(read.timestamp, written.timestamp);
    EXPECT_EQ(read.kind, written.kind);
    EXPECT_EQ(read.data, written.data);
    for (const char* name : {"source", "traceparent"}) EXPECT_EQ(read.attribute(name), written.attribute(name));
  };
  for (const CloudEventMode mode : {CloudEventMode::structured, CloudEventMode::batch, CloudEventMode::binary}) {
    for (const WebhookEvent& each : {event, bytes, none}) {
      const WrittenEvents written = write_cloud_events({&each, 1}, mode);
      const auto read = parse(written.body, written.headers);
      ASSERT_EQ(read.size(), 1U);
      expect_same(read.front(), each);
    }
  }
  const std::vector<WebhookEvent> all{event, bytes, none};
  const WrittenEvents written = write_cloud_events(all, CloudEventMode::batch);
  const auto read = parse(written.body, written.headers);
  ASSERT_EQ(read.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) expect_same(read[i], all[i]);
  EXPECT_THROW(write_cloud_events(all, CloudEventMode::binary), Error);
  EXPECT_THROW(write_cloud_events({}, CloudEventMode::structured), Error);
  event.attributes.clear();
  EXPECT_THROW(write_cloud_events({&event, 1}, CloudEventMode::structured), Error) << "without a source";
  event.attributes = {{"source", "s"}, {"datacontenttype", "text/plain\r\nX-Evil: 1"}};
  EXPECT_THROW(write_cloud_events({&event, 1}, CloudEventMode::binary), Error) << "a header of its own";
  event.attributes = {{"source", "s"}, {"datacontenttype", "text/xml"}};
  EXPECT_THROW(write_cloud_events({&event, 1}, CloudEventMode::binary), Error) << "JSON that calls itself XML";
  event.attributes = {{"source", "s"}, {"Trace-Parent", "x"}};
  EXPECT_THROW(write_cloud_events({&event, 1}, CloudEventMode::structured), Error);
}

TEST(PlainJson, IsOneEvent) {
  const WebhookEvent event = parse(R"({"type":"a.b","timestamp":"2026-11-27T04:00:00Z","data":[1]})", {{"Webhook-Id", "msg_1"}}).front();
  EXPECT_EQ(event.id, "msg_1");
  EXPECT_EQ(event.type, "a.b");
  EXPECT_EQ(event.data, "[1]");
  EXPECT_EQ(parse(R"({"id":"evt_1","x":1})", {}).front().id, "evt_1");
  EXPECT_EQ(refused("hello", {}), "malformed_body");
  EXPECT_EQ(refused("", {}), "malformed_body");
  EXPECT_EQ(refused(std::string(100'000, '['), {}), "malformed_body");
  EXPECT_EQ(refused(std::string(5'000'000, ' '), {}), "too_large");
}

}  // namespace
}  // namespace switchgear
