// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/base/wire_samples.h"

namespace bulkhead {

namespace {

using namespace control;

void AddGuest(std::vector<WireSample>& out) {
  out.push_back(FromGuest("Hello", Hello{1, "minimal", "v1", "b-1"},
                          "424b4831010000001c000000d70aa630"
                          "01000000070000006d696e696d616c02000000763103000000622d31"));
  out.push_back(FromGuest("Ready", Ready{}, "424b4831020000000000000013e5e6a4"));
  out.push_back(
      FromGuest("Health", Health{1, 2, 3, 4, -5},
                "424b48310300000024000000e4dd1c47"
                "01000000000000000200000000000000030000000000000004000000fbffffffffffffff"));
  out.push_back(FromGuest("Delivered", Delivered{"up", Counting<16>(), false, "full"},
                          "424b4831040000001f0000005dabf36a"
                          "020000007570000102030405060708090a0b0c0d0e0f000400000066756c6c"));
  out.push_back(FromGuest("SendRefused", SendRefused{"low", "a.txt"},
                          "424b4831050000001000000095bb3afe"
                          "030000006c6f7705000000612e747874"));
  out.push_back(FromGuest("RunOutput", RunOutput{7, 2, {0, 255}},
                          "424b4831060000000b000000e86cadf7"
                          "07000000020200000000ff"));
  out.push_back(FromGuest("RunExit", RunExit{7, -1},
                          "424b4831070000000800000098c3b229"
                          "07000000ffffffff"));
}

void AddHost(std::vector<WireSample>& out) {
  Welcome welcome;
  welcome.level = "low";
  welcome.time_us = 1;
  welcome.ipv4 = "10.77.0.6/30";
  welcome.gateway4 = "10.77.0.5";
  welcome.ipv6 = "fd77::6/126";
  welcome.gateway6 = "fd77::5";
  welcome.mac = "02:62:68:00:01:02";
  welcome.outgoing = {{"up", "high"}};
  welcome.incoming = {{"in", "lab"}, {"x", "y"}};
  out.push_back(
      ToGuest("Welcome", welcome,
              "424b4831650000008800000065d22556"
              "030000006c6f7701000000000000000c00000031302e37372e302e362f33300900000031302e3737"
              "2e302e350b000000666437373a3a362f31323607000000666437373a3a351100000030323a36323a"
              "36383a30303a30313a30320100000002000000757004000000686967680200000002000000696e03"
              "0000006c616201000000780100000079"));
  out.push_back(ToGuest("Clock", Clock{0x0102030405060708},
                        "424b48316600000008000000bd63f335"
                        "0807060504030201"));
  out.push_back(ToGuest("Shutdown", Shutdown{}, "424b48316700000000000000cc4bed3c"));
  out.push_back(ToGuest("Run", Run{7, "user", {"/bin/ls", ""}},
                        "424b4831680000001f000000a91eb7ed"
                        "07000000040000007573657202000000070000002f62696e2f6c7300000000"));
  out.push_back(ToGuest("RunCancel", RunCancel{7},
                        "424b48316900000004000000a9ce05a6"
                        "07000000"));
}

void AddReport(std::vector<WireSample>& out) {
  using namespace report;
  out.push_back(ReportUp("AgentLink", AgentLink{AgentLink::kProtocolError, "bad"},
                         "424b48312d01000008000000b2b673e7"
                         "0203000000626164"));
  Decision decision;
  decision.serial = 9;
  decision.verdict = Decision::kRefused;
  decision.transfer = Counting<16>();
  decision.name = "a.txt";
  decision.size = 258;
  decision.sha256 = Counting<32>();
  decision.reason = "quota";
  out.push_back(
      ReportUp("Decision", decision,
               "424b483136010000530000006c13aeda"
               "090000000000000002000102030405060708090a0b0c0d0e0f05000000612e747874020100000000"
               "0000000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f050000007175"
               "6f7461"));
  out.push_back(ReportDown("Recorded", Recorded{9},
                           "424b48313701000008000000519b080a"
                           "0900000000000000"));
  out.push_back(ReportDown("GuestReady", GuestReady{}, "424b4831380100000000000012a19c16"));
  out.push_back(ReportDown("Settled", Settled{Counting<16>()},
                           "424b4831390100001000000013f62f8a"
                           "000102030405060708090a0b0c0d0e0f"));
}

void AddTransfer(std::vector<WireSample>& out) {
  using namespace transfer;
  out.push_back(OnAFlow("StreamStart", StreamStart{},
                        "424b4831c800000004000000bb29e2c0"
                        "01000000"));
  out.push_back(
      OnAFlow("Begin", Begin{Counting<16>(), "a.txt", "low", 2, 3},
              "424b4831c900000030000000d3460173"
              "000102030405060708090a0b0c0d0e0f05000000612e747874030000006c6f770200000000000000"
              "0300000000000000"));
  out.push_back(OnAFlow("Data", Data{{0xde, 0xad}},
                        "424b4831ca000000060000004de6ce28"
                        "02000000dead"));
  out.push_back(OnAFlow("End", End{Counting<32>()},
                        "424b4831cb0000002000000031163d61"
                        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"));
  out.push_back(OnAFlow("Abort", Abort{}, "424b4831cc0000000000000016b0cacb"));
}

}  // namespace

std::vector<WireSample> WireSamples() {
  std::vector<WireSample> out;
  AddGuest(out);
  AddHost(out);
  AddReport(out);
  AddTransfer(out);
  return out;
}

}  // namespace bulkhead
