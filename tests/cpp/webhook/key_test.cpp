#include "key.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "claims.hpp"

namespace switchgear::webhook_detail {
namespace {

std::string from_hex(std::string_view text) { return std::string(decode_signature(SignatureEncoding::hex, text).view()); }

std::string mac_of(HashAlgorithm algorithm, std::string_view key, std::string_view text) {
  const HmacKey hmac(algorithm, key);
  const std::array<std::string_view, 1> parts{text};
  const std::string first = encode_signature(SignatureEncoding::hex, hmac.over(parts).view());
  EXPECT_EQ(encode_signature(SignatureEncoding::hex, hmac.over(parts).view()), first) << "a context that is used again computes the same";
  return first;
}

struct MacVector {
  HashAlgorithm algorithm;
  std::string key, text, mac;
};

TEST(HmacKey, GivesTheAnswersOfRfc4231AndRfc2202) {
  const std::string jefe = "Jefe";
  const std::string question = "what do ya want for nothing?";
  const std::array<MacVector, 6> vectors{{
      {HashAlgorithm::sha256, std::string(20, '\x0b'), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {HashAlgorithm::sha512, std::string(20, '\x0b'), "Hi There",
       "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"},
      {HashAlgorithm::sha256, jefe, question, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {HashAlgorithm::sha512, jefe, question,
       "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
      {HashAlgorithm::sha256, std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
      {HashAlgorithm::sha1, jefe, question, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
  }};
  for (const MacVector& vector : vectors) EXPECT_EQ(mac_of(vector.algorithm, vector.key, vector.text), vector.mac);
}

TEST(HmacKey, ComputesPartsAsOne) {
  const HmacKey key(HashAlgorithm::sha256, "Jefe");
  const std::array<std::string_view, 4> parts{"what do ya ", "", "want for", " nothing?"};
  EXPECT_EQ(encode_signature(SignatureEncoding::hex, key.over(parts).view()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(HmacKey, IsSharedByThreads) {
  const HmacKey key(HashAlgorithm::sha256, "Jefe");
  const std::array<std::string_view, 1> parts{"what do ya want for nothing?"};
  const std::string expected(key.over(parts).view());
  std::array<int, 4> wrong{};
  std::vector<std::thread> threads;
  for (int& count : wrong) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) count += key.over(parts).view() == expected ? 0 : 1;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, (std::array<int, 4>{}));
}

struct SignatureVector {
  std::string_view seed, public_key, message, signature;
};

TEST(Ed25519Key, GivesTheAnswersOfRfc8032) {
  constexpr std::array<SignatureVector, 3> vectors{{
      {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
       "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
       "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
      {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
       "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
       "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
      {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
       "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
       "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
  }};
  for (const SignatureVector& vector : vectors) {
    const std::string message = from_hex(vector.message);
    const Ed25519Key key = Ed25519Key::from_seed(from_hex(vector.seed));
    EXPECT_EQ(key.public_bytes(), from_hex(vector.public_key));
    EXPECT_EQ(key.sign(message), from_hex(vector.signature));
    const Ed25519Key other_end = Ed25519Key::from_public(from_hex(vector.public_key));
    EXPECT_TRUE(other_end.is_signature(from_hex(vector.signature), message));
    EXPECT_FALSE(other_end.is_signature(from_hex(vector.signature), message + " "));
    EXPECT_FALSE(other_end.can_sign());
  }
}

TEST(SignatureText, HasOneSpellingInBase64) {
  const auto read = [](std::string_view text) { return std::string(decode_signature(SignatureEncoding::base64, text).view()); };
  EXPECT_EQ(read("Zm9vYg=="), "foob");
  EXPECT_EQ(read("Zm9vYmE="), "fooba");
  EXPECT_EQ(read("Zm9vYmFy"), "foobar");
  for (const std::string_view other : {"Zm9vYh==", "Zm9vYg", "Zm9vYg=", "Zm9v Yg==", "Zm9vYg===", "=", "====", "Zm9_Yg=="}) {
    EXPECT_EQ(read(other), "") << other;
  }
  EXPECT_EQ(read(std::string(200, 'A')), "") << "longer than any signature";
}

TEST(SignatureText, TakesHexadecimalDigitsOfEitherCase) {
  EXPECT_EQ(from_hex("fF00"), std::string("\xff\0", 2));
  for (const std::string_view other : {"f", "fg", "0x", " f"}) EXPECT_EQ(from_hex(other), "") << other;
}

}  // namespace
}  // namespace switchgear::webhook_detail
