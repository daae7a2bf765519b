// SPDX-License-Identifier: GPL-2.0-or-later
/// I6 over every kind of edge: what is refused, by which code, and the way that is told.
#include <gtest/gtest.h>

#include "tests/unit/vmspec/flow_sets.h"
#include "tests/unit/vmspec/spec_sets.h"

namespace bulkhead::vmspec {
namespace {

/// As `spec check` prints it, without source lines.
std::string Told(const SetMaker& set) {
  FlowGraph graph = set.Graph();
  Faults faults;
  Report(graph, FindViolations(graph), faults);
  CheckedSpec checked{{}, faults.Take()};
  return FormatDiagnostics({}, checked, false);
}

TEST(FlowCheck, CannotTransferDown) {
  SetMaker set = HighAndLow();
  set.AddFlow(FlowKind::kTransfer, "low", "high");
  EXPECT_EQ(set.Violations(), "");
  set.AddFlow(FlowKind::kTransfer, "high", "low");
  EXPECT_EQ(set.Violations(), "B0301 high -> low (transfer)");
}

TEST(FlowCheck, ADowngradeDeclassifies) {
  SetMaker set = HighAndLow();
  set.AddFlow(FlowKind::kDowngrade, "high", "low");
  EXPECT_EQ(set.Violations(), "");
}

TEST(FlowCheck, CannotGoOnUnderTheLabelThatADowngradeDidNotGive) {
  SetMaker set = HighAndLow();
  set.AddLevel("mid", 1);
  set.AddFlow(FlowKind::kDowngrade, "high", "mid");
  set.AddFlow(FlowKind::kTransfer, "mid", "low");
  EXPECT_EQ(set.Violations(), "B0301 mid -> low (transfer)");
}

TEST(FlowCheck, CannotAnswerDownThroughAService) {
  SetMaker set = HighAndLow();
  set.AddService("low", "high");
  EXPECT_EQ(set.Violations(), "B0305 high -> low (service)");
}

TEST(FlowCheck, ServicesBetweenEqualsAreFine) {
  SetMaker set;
  set.AddLevel("a", 1, {"hq"});
  set.AddLevel("b", 1, {"hq"});
  set.AddService("a", "b");
  EXPECT_EQ(set.Violations(), "");
}

TEST(FlowCheck, CannotRouteBetweenUplinksOfTwoLabels) {
  SetMaker set;
  set.AddUplink("a", 0, "eth0").routes_to = {"b"};
  set.AddUplink("b", 1, "eth1");
  EXPECT_EQ(set.Violations(), "B0310 b -> a (route)");
}

TEST(FlowCheck, CannotMakeOneVlanTwoNetworks) {
  SetMaker set;
  set.AddUplink("a", 0, "eth0").vlan = 7;
  set.AddUplink("b", 1, "eth0").vlan = 8;
  EXPECT_EQ(set.Violations(), "");
  set.AddUplink("c", 1, "eth0").vlan = 7;
  EXPECT_EQ(set.Violations(), "B0205 c -> a (same-network)");
}

TEST(FlowCheck, CannotPasteDown) {
  SetMaker set = HighAndLow();
  set.Paste("low", "high");
  EXPECT_EQ(set.Violations(), "");
  set.Paste("high", "low");
  EXPECT_EQ(set.Violations(), "B0306 high -> low (clipboard-out clipboard-in)");
}

TEST(FlowCheck, CannotScanWhatAHigherLevelLeftInTheDevice) {
  SetMaker set = HighAndLow();
  KnownDevice& mfp = set.AddDevice("mfp", {DeviceClass::kPrinter, DeviceClass::kScanner});
  set.Lend("high", DeviceClass::kPrinter);
  set.Lend("low", DeviceClass::kScanner);
  EXPECT_EQ(set.Violations(), "") << "it keeps nothing";
  mfp.keeps_data = true;
  EXPECT_EQ(set.Violations(), "B0307 high -> low (device-out device-in)");
}

TEST(FlowCheck, CannotShareOtherUsbDevicesAcrossLabels) {
  SetMaker set = HighAndLow();
  set.Lend("high", DeviceClass::kUsb);
  set.Lend("low", DeviceClass::kUsb);
  EXPECT_EQ(set.Violations(), "B0307 high -> low (device-out device-in)");
  set.AddRule(true, "low", "usb");
  EXPECT_EQ(set.Violations(), "");
}

TEST(FlowCheck, CannotLeaveDataObjectsForALowerLevel) {
  SetMaker set = HighAndLow();
  set.AddKey("a", "card");
  set.AddKey("b", "card");
  set.Use("high", "a", {KeyOperation::kWriteData});
  set.Use("low", "b", {KeyOperation::kReadData});
  EXPECT_EQ(set.Violations(), "B0308 high -> low (token-out token-in)");
}

TEST(FlowCheck, ALabelledDeviceIsAnEnd) {
  SetMaker set = HighAndLow();
  set.AddDevice("guarded", {DeviceClass::kPrinter}).label = Label{1, {}};
  set.Lend("low", DeviceClass::kPrinter);
  EXPECT_EQ(set.Violations(), "");
  set.Lend("high", DeviceClass::kPrinter);
  EXPECT_EQ(set.Violations(), "B0311 high -> guarded (device-out)");
}

TEST(FlowCheck, CannotReadAMediumThatIsMarkedHigher) {
  SetMaker set = HighAndLow();
  set.AddDevice("stick", {DeviceClass::kStorage}).label = Label{2, {}};
  set.Lend("low", DeviceClass::kStorage);
  EXPECT_EQ(set.Violations(), "B0311 stick -> low (device-in)");
  set.AddRule(true, "low", "storage").serial = "stick";
  EXPECT_EQ(set.Violations(), "");
}

TEST(FlowCheck, MarkedMediaKeepTwoLabelsApart) {
  SetMaker set = HighAndLow();
  for (const char* level : {"high", "low"}) {
    set.Lend(level, DeviceClass::kStorage, true).marked_only = true;
    set.AddDevice(std::string(level) + "-stick", {DeviceClass::kStorage}).label =
        set.spec.levels.at(level).label;
  }
  EXPECT_EQ(set.Violations(), "");
}

TEST(FlowCheck, CannotPassThroughADeviceThatHoldsNothing) {
  SetMaker set = HighAndLow();
  set.AddDevice("headset", {DeviceClass::kSound, DeviceClass::kMicrophone});
  set.Lend("high", DeviceClass::kSound);
  set.Lend("low", DeviceClass::kMicrophone);
  EXPECT_EQ(set.Violations(), "") << "acoustic coupling is an accepted risk, not a way";
}

TEST(FlowCheck, SealedInformationMayGoAnywhere) {
  SetMaker set = HighAndLow();
  set.AddLevel("lower", 0);
  set.AddKey("hq");
  set.AddUplink("internet", 0, "eth0");
  set.Attach("low", "internet");
  set.AddSealed("high", "low", "hq");
  set.AddFlow(FlowKind::kTransfer, "low", "lower");
  EXPECT_EQ(set.Violations(), "");
}

TEST(FlowCheck, CannotOpenWhatALevelThatIsNotDominatedSealed) {
  SetMaker set = HighAndLow();
  set.AddKey("hq");
  set.AddSealed("high", "low", "hq");
  set.Use("low", "hq", {KeyOperation::kSign, KeyOperation::kEncrypt});
  EXPECT_EQ(set.Violations(), "");
  set.Use("low", "hq", {KeyOperation::kUnwrap});
  EXPECT_EQ(set.Violations(), "B0309 high -> low (encrypt open)");
}

TEST(FlowCheck, CannotOpenByDerivingOrByARawSignature) {
  for (KeyOperation operation : {KeyOperation::kDerive, KeyOperation::kSign}) {
    SetMaker set = HighAndLow();
    set.AddKey("hq");
    set.AddSealed("high", "low", "hq");
    set.Use("low", "hq", {operation});
    for (const char* mechanism : {"CKM_RSA_X_509", "RSA-X-509", "rsa-x509", "RSA X.509"}) {
      set.spec.levels.at("low").keys[0].mechanisms = {mechanism};
      EXPECT_EQ(set.Violations(), "B0309 high -> low (encrypt open)") << mechanism;
    }
  }
}

TEST(FlowCheck, SaysNothingOfWhatIsDecryptedOutOfALevelWhoseLabelIsNotKnown) {
  SetMaker set = HighAndLow();
  set.AddLevel("mid", 1);
  set.AddKey("hq");
  set.AddSealed("high", "mid", "hq");
  set.AddFlow(FlowKind::kDecrypt, "mid", "low").decrypt_with = {"hq"};
  FlowGraph graph = set.Graph();
  EXPECT_EQ(FindViolations(graph).violations.size(), 2U);
  graph.Forget(NodeKind::kLevel, "mid");
  EXPECT_TRUE(FindViolations(graph).violations.empty());
}

TEST(FlowCheck, WhoDominatesMayOpen) {
  SetMaker set = HighAndLow();
  set.AddLevel("high2", 2);
  set.AddKey("hq");
  set.AddSealed("high", "low", "hq");
  set.AddFlow(FlowKind::kDecrypt, "low", "high2").decrypt_with = {"hq"};
  EXPECT_EQ(set.Violations(), "");
}

TEST(FlowCheck, AnotherKeyOpensNothingAndAnyKeyOpensAllThatAreHere) {
  SetMaker set = HighAndLow();
  set.AddLevel("mid", 1);
  set.AddKey("hq");
  set.AddKey("own");
  set.AddSealed("high", "low", "hq");
  Flow& open = set.AddFlow(FlowKind::kDecrypt, "low", "mid");
  open.decrypt_with = {"own"};
  EXPECT_EQ(set.Violations(), "");
  open.decrypt_with.clear();
  EXPECT_EQ(set.Violations(), "B0309 high -> mid (encrypt decrypt)");
  set.spec.recipients.at("hq").key.clear();
  EXPECT_EQ(set.Violations(), "") << "nobody here has the key";
}

TEST(FlowCheck, CannotOpenAfterSixStepsOfSixKinds) {
  SetMaker set;
  set.AddLevel("secret", 3);
  for (const char* name : {"low", "low2", "low3", "low4"}) set.AddLevel(name, 0);
  set.AddLevel("mid", 1);
  set.AddKey("hq");
  set.AddUplink("net", 0, "eth0");
  set.AddSealed("secret", "low", "hq");
  set.AddFlow(FlowKind::kTransfer, "low", "low2");
  set.Lend("low2", DeviceClass::kStorage, true);
  set.Lend("low3", DeviceClass::kStorage);
  set.Paste("low3", "low4");
  set.Attach("low4", "net");
  set.AddFlow(FlowKind::kDecrypt, "low4", "mid").decrypt_with = {"hq"};
  EXPECT_EQ(set.Violations(),
            "B0309 secret -> mid (encrypt transfer device-out device-in clipboard-out "
            "clipboard-in decrypt)");
  EXPECT_EQ(
      Told(set),
      R"(error[B0309]: information from "secret" (rank 3), sealed by flow "f0", can be opened by "mid" (rank 1)
  --> flows.toml:18:1
   = note: here it is opened
   = 1: flows.toml:11: flow "f0" carries ciphertext for "hq" from "secret" to "low"
   = 2: flows.toml:12: flow "f1" carries files in clear from "low" to "low2"
   = 3: levels/low2.toml:13: "low2" may write any removable medium
   = 4: levels/low3.toml:14: "low3" may read any removable medium
   = 5: levels/low3.toml:15: text may be copied in "low3" for other levels
   = 6: levels/low4.toml:16: text from the clipboard of "low3" may be pasted in "low4"
   = 7: flows.toml:18: flow "f2" carries files from "low4" to "mid", opened with "hq"
   = help: who opens must dominate the level that sealed: give "mid" at least rank 3, take the key away here, or let flow "f0" (flows.toml:11) seal for other recipients

1 error, 0 warnings in 0 files (0 levels, 0 flows). Nothing was applied.
)");
}

TEST(FlowCheck, CannotOpenAcrossANetworkThatTwoLevelsShare) {
  SetMaker set;
  set.AddLevel("secret", 3);
  set.AddLevel("low", 0);
  set.AddLevel("low2", 0);
  set.AddKey("hq");
  set.AddUplink("a", 0, "eth0").routes_to = {"b"};
  set.AddUplink("b", 0, "eth1");
  set.AddUplink("c", 0, "eth1");
  set.Attach("low", "a");
  set.Attach("low2", "c");
  set.AddSealed("secret", "low", "hq");
  set.Use("low2", "hq", {KeyOperation::kDecrypt});
  EXPECT_EQ(set.Violations(),
            "B0309 secret -> low2 (encrypt uplink-out route same-network uplink-in open)");
}

TEST(FlowCheck, CannotOpenAcrossATokenOrAnOtherUsbDevice) {
  SetMaker set;
  set.AddLevel("secret", 3);
  for (const char* name : {"low", "low2", "low3"}) set.AddLevel(name, 0);
  set.AddKey("hq");
  set.AddKey("box", "card");
  set.AddSealed("secret", "low", "hq");
  set.Use("low", "box", {KeyOperation::kWriteData});
  set.Use("low2", "box", {KeyOperation::kReadData});
  set.Lend("low2", DeviceClass::kUsb);
  set.Lend("low3", DeviceClass::kUsb);
  set.Use("low3", "hq", {KeyOperation::kDecrypt});
  EXPECT_EQ(set.Violations(),
            "B0309 secret -> low3 (encrypt token-out token-in device-out device-in open)");
}

TEST(FlowCheck, TheShortestOfSeveralWaysIsTold) {
  SetMaker set;
  set.AddLevel("secret", 3);
  for (const char* name : {"low", "low2", "low3"}) set.AddLevel(name, 0);
  set.AddKey("hq");
  set.AddSealed("secret", "low", "hq");
  set.AddSealed("secret", "low3", "hq");
  set.AddFlow(FlowKind::kTransfer, "low", "low2");
  set.AddFlow(FlowKind::kTransfer, "low2", "low3");
  set.Use("low3", "hq", {KeyOperation::kDecrypt});
  EXPECT_EQ(set.Violations(), "B0309 secret -> low3 (encrypt open)");
  EXPECT_NE(Told(set).find("= note: 1 more way of this kind between the same ends\n"),
            std::string::npos)
      << Told(set);
}

TEST(FlowCheck, AHopAgainstTheLatticeIsToldOnceWithAllThatItOpens) {
  SetMaker set;
  set.AddLevel("a", 3);
  set.AddLevel("b", 3);
  set.AddLevel("c", 1);
  set.AddLevel("d", 2);
  set.AddFlow(FlowKind::kTransfer, "a", "b");
  set.AddFlow(FlowKind::kTransfer, "b", "c");
  set.AddFlow(FlowKind::kTransfer, "c", "d");
  EXPECT_EQ(Told(set),
            R"(error[B0301]: information can flow from "b" (rank 3) to "c" (rank 1) in clear
  --> flows.toml:6:1
   = note: the label of "c" does not dominate that of "b"
   = note: and so also between 3 more pairs of levels, as from "a" (rank 3) to "c" (rank 1)
   = help: a transfer leads to a level that dominates: give "c" at least rank 3, or turn the flow round

1 error, 0 warnings in 0 files (0 levels, 0 flows). Nothing was applied.
)");
}

TEST(FlowCheck, LevelsOfTheSameTwoLabelsAreToldTogether) {
  SetMaker set;
  for (const char* name : {"w1", "w2", "w3"}) {
    set.AddLevel(name, 2);
    set.Lend(name, DeviceClass::kStorage, true);
  }
  for (const char* name : {"r1", "r2"}) {
    set.AddLevel(name, 0);
    set.Lend(name, DeviceClass::kStorage);
  }
  set.AddDevice("stick", {DeviceClass::kStorage});
  EXPECT_EQ(set.Violations(), "B0302 w1 -> r1 (device-out device-in)");
  std::string told = Told(set);
  EXPECT_NE(told.find("note: the same holds for 5 more pairs with these labels, as from \"w3\" to "
                      "\"r2\"\n"),
            std::string::npos)
      << told;
  EXPECT_NE(told.find("note: 1 more way of this kind between the same ends\n"), std::string::npos)
      << told;
  EXPECT_EQ(told.find("and so also"), std::string::npos) << told;
}

TEST(FlowCheck, CannotFloodTheReader) {
  SetMaker set;
  for (int i = 0; i < 100; ++i) {
    std::string name = "l" + std::to_string(i);
    set.AddLevel(name, i);
    set.Lend(name, DeviceClass::kStorage, true);
  }
  FlowGraph graph = set.Graph();
  Verdict verdict = FindViolations(graph);
  EXPECT_EQ(verdict.violations.size(), kMaxViolations);
  EXPECT_FALSE(verdict.complete);
  EXPECT_NE(Told(set).find("error[B0117]"), std::string::npos);
}

TEST(FlowCheck, CannotBeEmptiedByMoreEdgesThanItFollows) {
  SetMaker set;
  for (int i = 0; i < 1100; ++i) {
    std::string name = "l" + std::to_string(i);
    set.AddLevel(name, 0);
    set.Lend(name, DeviceClass::kStorage, true);
    if (i < 1000) set.AddDevice("d" + std::to_string(i), {DeviceClass::kStorage});
  }
  FlowGraph graph = set.Graph();
  EXPECT_TRUE(graph.truncated());
  EXPECT_LE(graph.edges().size(), FlowGraph::kMaxEdges);
  EXPECT_FALSE(FindViolations(graph).complete);
}

TEST(FlowCheck, CannotHoldUpTheCheckerWithGlobsForManyDevices) {
  SetMaker set = HighAndLow();
  set.AddFlow(FlowKind::kTransfer, "high", "low");
  for (int i = 0; i < 2000; ++i) {
    set.AddDevice("d" + std::to_string(i), {DeviceClass::kStorage}).path =
        "/dev/" + std::string(100, 'x') + std::to_string(i);
    set.AddRule(true, "*", "*").path = "/dev/*" + std::string(100, 'x') + std::to_string(i);
  }
  FlowGraph graph = set.Graph();
  EXPECT_TRUE(graph.truncated()) << "refused, not passed";
  EXPECT_EQ(set.Violations(), "B0301 high -> low (transfer) and more")
      << "what can be told is told";
}

TEST(FlowCheck, ALevelWhoseLabelIsUnknownIsNoEndAndNoWay) {
  SetMaker set = HighAndLow();
  set.AddLevel("mid", 1);
  set.AddKey("hq");
  set.AddFlow(FlowKind::kTransfer, "high", "mid");
  set.AddSealed("high", "mid", "hq");
  set.AddFlow(FlowKind::kDecrypt, "mid", "low").decrypt_with = {"hq"};
  set.AddFlow(FlowKind::kTransfer, "mid", "low");
  FlowGraph graph = set.Graph();
  EXPECT_EQ(FindViolations(graph).violations.size(), 4U);
  graph.Forget(NodeKind::kLevel, "mid");
  EXPECT_TRUE(FindViolations(graph).violations.empty());
}

}  // namespace
}  // namespace bulkhead::vmspec
