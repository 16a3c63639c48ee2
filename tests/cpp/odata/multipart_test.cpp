#include "multipart.hpp"

#include <gtest/gtest.h>

#include "switchgear/sdk/error.hpp"

namespace switchgear::odata {
namespace {

constexpr const char* mixed = "multipart/mixed; boundary=b";

std::string answer(const std::string& status, const std::string& body = "", const std::string& id = "") {
  std::string text = "Content-Type: application/http\r\n";
  if (!id.empty()) text += "Content-ID: " + id + "\r\n";
  text += "\r\nHTTP/1.1 " + status + "\r\nContent-Type: application/json\r\n";
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + body + "\r\n";
}

std::string changeset(const std::string& boundary, const std::vector<std::string>& answers) {
  std::string text = "Content-Type: multipart/mixed; boundary=\"" + boundary + "\"\r\n\r\n";
  for (const std::string& each : answers) text += "--" + boundary + "\r\n" + each;
  return text + "--" + boundary + "--\r\n";
}

std::string reply(const std::vector<std::string>& parts, const std::string& end = "--b--\r\n") {
  std::string text = "a preamble\r\n";
  for (const std::string& each : parts) text += "--b\r\n" + each;
  return text + end;
}

std::string refused(const char* content_type, const std::string& body) {
  try {
    parse_multipart_reply(content_type, body, 1, false);
    return "nothing";
  } catch (const sdk::Error& error) {
    EXPECT_EQ(error.category, sdk::Category::protocol);
    return error.what();
  }
}

TEST(Multipart, EachWriteHasAChangesetOfItsOwn) {
  MultipartBody body(false);
  body.add({"POST", "WorkOrders", R"({"ID":1})"});
  body.add({"PATCH", "WorkOrders(2)", "{}", "application/json", "W/\"7\""});
  const std::string text = std::move(body).finish();
  EXPECT_EQ(text,
            "--batch_switchgear\r\nContent-Type: multipart/mixed; boundary=changeset_switchgear_0\r\n\r\n"
            "--changeset_switchgear_0\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: 0\r\n\r\n"
            "POST WorkOrders HTTP/1.1\r\nAccept: application/json\r\nContent-Type: application/json\r\nContent-Length: 8\r\n"
            "Prefer: return=minimal\r\n\r\n{\"ID\":1}\r\n--changeset_switchgear_0--\r\n"
            "--batch_switchgear\r\nContent-Type: multipart/mixed; boundary=changeset_switchgear_1\r\n\r\n"
            "--changeset_switchgear_1\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: 1\r\n\r\n"
            "PATCH WorkOrders(2) HTTP/1.1\r\nAccept: application/json\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
            "Prefer: return=minimal\r\nIf-Match: W/\"7\"\r\n\r\n{}\r\n--changeset_switchgear_1--\r\n--batch_switchgear--\r\n");
}

TEST(Multipart, WhatIsAtomicIsOneChangesetAndReadsLieOutside) {
  MultipartBody body(true);
  BatchRequest write{"DELETE", "A(1)"};
  write.atomic = true;
  body.add({"GET", "A(1)"});
  body.add(write);
  body.add(write);
  const std::string text = std::move(body).finish();
  EXPECT_EQ(text.find("Prefer"), std::string::npos) << "V2 does not know it";
  EXPECT_EQ(text.find("boundary=changeset_switchgear_1"), text.rfind("boundary="));
  EXPECT_LT(text.find("GET A(1)"), text.find("boundary=changeset"));
}

TEST(Multipart, PartsAreTakenInTheirOrder) {
  const std::string body =
      reply({changeset("c1", {answer("204 No Content")}), answer("400 Bad Request", R"({"error":{"message":"no"}})", "1"),
             changeset("c2", {answer("201 Created", R"({"d":{}})")})});
  const auto parts = parse_multipart_reply("Multipart/Mixed;boundary=b", body, 4, false);
  EXPECT_EQ(parts[0].status, 204);
  EXPECT_EQ(parts[1].status, 400);
  EXPECT_EQ(parts[1].body, R"({"error":{"message":"no"}})");
  EXPECT_EQ(parts[1].content_type, "application/json");
  EXPECT_EQ(parts[2].status, 201);
  EXPECT_EQ(parts[3].status, 0) << "missing";
  EXPECT_FALSE(parts[3].not_reached) << "the last one that is there is no failure";
}

TEST(Multipart, WhatLiesBehindAFailureWasNotReached) {
  const std::string failed = answer("400 Bad Request", "{}");
  const auto parts = parse_multipart_reply(mixed, reply({changeset("c", {answer("204 X")}), failed}), 4, false);
  EXPECT_FALSE(parts[1].not_reached);
  EXPECT_TRUE(parts[2].not_reached);
  EXPECT_TRUE(parts[3].not_reached);
  EXPECT_FALSE(parse_multipart_reply(mixed, reply({failed}, ""), 2, false)[1].not_reached) << "a reply that was cut off says nothing";
}

TEST(Multipart, AFailedChangesetIsOneReply) {
  const auto named = parse_multipart_reply(mixed, reply({answer("400 Bad Request", "{}", "2")}), 3, true);
  EXPECT_EQ(named[0].status, 0);
  EXPECT_EQ(named[2].status, 400);
  const auto unnamed = parse_multipart_reply(mixed, reply({answer("409 Conflict", "{}")}), 3, true);
  for (const BatchPart& part : unnamed) EXPECT_EQ(part.status, 409);
  const auto done = parse_multipart_reply(mixed, reply({changeset("c", {answer("204 X", "", "1"), answer("201 X", "", "0")})}), 2, true);
  EXPECT_EQ(done[0].status, 201) << "by Content-ID, not by place";
  EXPECT_EQ(done[1].status, 204);
}

TEST(Multipart, CarelessLineEndsAndBoundariesInTextsAreUnderstood) {
  const std::string body =
      "--b\nContent-Type: application/http\n\nHTTP/1.1 400 Bad\nContent-Type: text/plain\n\nsee --b\nand --bc\n--b--\n";
  const auto parts = parse_multipart_reply(mixed, body, 1, false);
  EXPECT_EQ(parts[0].status, 400);
  EXPECT_EQ(parts[0].body, "see --b\nand --bc");
}

TEST(Multipart, WhatIsNoReplyIsRefused) {
  EXPECT_NE(refused("application/json", "{}").find("not multipart/mixed"), std::string::npos);
  EXPECT_NE(refused("multipart/mixed", "--b--").find("boundary"), std::string::npos);
  EXPECT_NE(refused("multipart/mixed; boundary=\"\"", "--b--").find("boundary"), std::string::npos);
  EXPECT_NE(refused(mixed, "<html>").find("no parts"), std::string::npos);
  EXPECT_NE(refused(mixed, reply({"Content-Type: application/http\r\n\r\n200 OK\r\n"})).find("status line"), std::string::npos);
  EXPECT_NE(refused(mixed, reply({answer("9999 X")})).find("status line"), std::string::npos);
  EXPECT_NE(refused(mixed, reply({answer("0 X")})).find("status line"), std::string::npos);
}

}  // namespace
}  // namespace switchgear::odata
