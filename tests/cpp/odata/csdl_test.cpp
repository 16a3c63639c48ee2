#include "csdl.hpp"

#include <gtest/gtest.h>

#include "metadata_text.hpp"

namespace switchgear::odata {
namespace {

using Names = std::vector<std::string>;

TEST(Csdl, ReadsWhatSapCapSays) {
  const Model model = parse_csdl(testdata("cap_v4.xml"));
  EXPECT_EQ(model.version, "4.0");
  EXPECT_EQ(model.problems.list, Names());
  ASSERT_EQ(model.sets.size(), 4U);

  const EntitySet& orders = model.sets[0];
  EXPECT_EQ(orders.name, "WorkOrders");
  EXPECT_EQ(orders.path, "WorkOrders");
  EXPECT_EQ(orders.type, "MaintService.WorkOrders");
  EXPECT_EQ(orders.key, Names{"ID"});
  EXPECT_EQ(shape(orders),
            "createdAt timestamp, createdBy utf8, modifiedAt timestamp, modifiedBy utf8, ID int64!, orderNo utf8, title utf8, "
            "priority int64, status utf8, equipment_ID utf8, estHours decimal(9,3), actualCost decimal(23,4), dueAt timestamp, "
            "changedTs timestamp, startTime time, meter float64, bigCounter int64, notes utf8");
  EXPECT_EQ(cursor_of(orders), "modifiedAt");

  EXPECT_EQ(
      shape(model.sets[1]),
      "ID utf8!, description utf8, plant utf8, costPrice decimal(15,2), installedOn date, serialNo int64, criticality utf8, active bool");
  EXPECT_EQ(cursor_of(model.sets[1]), "");
  EXPECT_EQ(model.sets[2].fields.front().edm, "Edm.Guid");
  EXPECT_EQ(model.sets[3].key, (Names{"equipment", "takenAt"}));
}

TEST(Csdl, ReadsTheV2FormOfTheSameService) {
  const Model model = parse_csdl(testdata("cap_v2.xml"));
  EXPECT_EQ(model.version, "2.0");
  EXPECT_FALSE(model.is_v4());
  ASSERT_EQ(model.sets.size(), 4U);
  EXPECT_EQ(model.problems.list, Names());
  EXPECT_EQ(model.sets[0].concurrency, Names{"modifiedAt"});
  EXPECT_EQ(cursor_of(model.sets[0]), "modifiedAt");
  EXPECT_EQ(shape(*model.sets[1].find("installedOn")), "installedOn timestamp local");
}

TEST(Csdl, ReadsSapGatewayV2) {
  const Model model = parse_csdl(testdata("sap_gateway_v2.xml"));
  EXPECT_EQ(model.version, "2.0");
  EXPECT_EQ(model.problems.list, Names());
  ASSERT_EQ(model.sets.size(), 3U);
  EXPECT_EQ(shape(model.sets[0]),
            "Orderid utf8!, Priority utf8, Shutdown bool, Counter int64, Bits int64, ActualWork decimal(13,3), AnyNumber utf8, "
            "BasicStart timestamp local, StartTime utf8, ChangedOn timestamp local, Uuid utf8, Location struct{Plant utf8!, Room utf8}!");
  EXPECT_EQ(cursor_of(model.sets[0]), "ChangedOn");
  EXPECT_EQ(model.sets[1].key, (Names{"Orderid", "Item"}));
  EXPECT_EQ(model.sets[1].path, "AttachmentSet");
  EXPECT_EQ(model.sets[2].name, "Extra.AttachmentSet") << "a set of a container that is not the default one";
  EXPECT_EQ(model.sets[2].path, "Extra.AttachmentSet");
}

TEST(Csdl, ReadsDynamicsWithAliasesInheritanceAndComplexTypes) {
  const Model model = parse_csdl(testdata("dynamics_v4.xml"));
  EXPECT_EQ(model.problems.list, Names());
  ASSERT_EQ(model.sets.size(), 3U);
  const EntitySet& orders = model.sets[0];
  EXPECT_EQ(orders.key, Names{"activityid"}) << "inherited";
  const std::string address = "struct{City utf8!, Street utf8, Owner struct{Name utf8, Home json}, Since date}";
  EXPECT_EQ(shape(orders),
            "activityid utf8!, subject utf8, createdon timestamp, modifiedon timestamp, versionnumber int64, "
            "state utf8, exchangerate utf8, price decimal(38,4), units decimal(9,0), anything utf8, weight decimal(10,3), "
            "photo binary, tags list<utf8!>, address " +
                address + ", stops list<" + address +
                ">, extra json, position json, travel utf8, scheduled date, starttime time, score float64");
  EXPECT_EQ(orders.find("state")->edm, "Microsoft.Dynamics.CRM.WorkOrderState");
  EXPECT_EQ(orders.find("weight")->edm, "Edm.Decimal");
  EXPECT_EQ(orders.concurrency, Names{"versionnumber"});
  EXPECT_EQ(cursor_of(orders), "modifiedon") << "an ETag that is no time is no cursor";
  EXPECT_EQ(model.sets[1].type, "Microsoft.Dynamics.CRM.activitypointer") << "the alias is resolved";
  EXPECT_EQ(model.sets[2].key, Names());
}

TEST(Csdl, TakesTheHigherOfTheVersionsOfV3) {
  const std::string xml =
      R"(<edmx:Edmx Version="1.0"><edmx:DataServices m:DataServiceVersion="1.0" m:MaxDataServiceVersion="3.0"/></edmx:Edmx>)";
  EXPECT_EQ(parse_csdl(xml).version, "3.0");
  EXPECT_EQ(parse_csdl(R"(<Edmx Version="4.01"><DataServices/></Edmx>)").version, "4.01");
}

struct DecimalCase {
  const char* facets;
  const char* shape;
};

class CsdlDecimal : public testing::TestWithParam<DecimalCase> {};

TEST_P(CsdlDecimal, KeepsEveryDigit) {
  const Model model = parse_csdl(v4_things("<Property Name=\"d\" Type=\"Edm.Decimal\" " + std::string(GetParam().facets) + "/>"));
  EXPECT_EQ(shape(model.sets[0].fields[1]), GetParam().shape) << GetParam().facets;
}

INSTANTIATE_TEST_SUITE_P(Facets, CsdlDecimal,
                         testing::Values(DecimalCase{R"(Precision="9" Scale="3")", "d decimal(9,3)"},
                                         DecimalCase{R"(Precision="9")", "d decimal(9,0)"}, DecimalCase{R"(Scale="4")", "d decimal(38,4)"},
                                         DecimalCase{"", "d utf8"}, DecimalCase{R"(Precision="9" Scale="variable")", "d utf8"},
                                         DecimalCase{R"(Scale="floating")", "d utf8"}, DecimalCase{R"(Precision="39" Scale="2")", "d utf8"},
                                         DecimalCase{R"(Precision="38" Scale="38")", "d decimal(38,38)"},
                                         DecimalCase{R"(Precision="3" Scale="4")", "d utf8"}, DecimalCase{R"(Precision="0")", "d utf8"},
                                         DecimalCase{R"(Precision="9" Scale="-1")", "d utf8"},
                                         DecimalCase{R"(Precision="99999999999999" Scale="2")", "d utf8"},
                                         DecimalCase{R"(Precision="9x" Scale="2")", "d utf8"}));

TEST(Csdl, FacetsOfAPropertyOverrideThoseOfItsTypeDefinition) {
  const Model model = parse_csdl(v4_things(R"(<Property Name="a" Type="N.Weight"/><Property Name="b" Type="Self.Weight" Scale="1"/>)",
                                           R"(<TypeDefinition Name="Weight" UnderlyingType="Edm.Decimal" Precision="10" Scale="3"/>)"));
  EXPECT_EQ(shape(model.sets[0]), "ID int64!, a decimal(10,3), b decimal(10,1)");
}

TEST(Csdl, ATypeThatHoldsItselfEndsAsJson) {
  const Model model = parse_csdl(v4_things(R"(<Property Name="node" Type="N.Node"/>)",
                                           R"xml(<ComplexType Name="Node"><Property Name="text" Type="Edm.String"/>
                                           <Property Name="children" Type="Collection(N.Node)"/></ComplexType>)xml"));
  EXPECT_EQ(shape(model.sets[0]), "ID int64!, node struct{text utf8, children list<json>}");
}

TEST(Csdl, AComplexTypeWithoutMembersIsJson) {
  const Model model = parse_csdl(v4_things(R"(<Property Name="nothing" Type="N.Empty"/>)", R"(<ComplexType Name="Empty"/>)"));
  EXPECT_EQ(shape(model.sets[0]), "ID int64!, nothing json");
}

TEST(Csdl, AnUnknownTypeCostsOneColumnAndIsToldWithItsLine) {
  const Model model = parse_csdl(v4_things(R"(<Property Name="a" Type="Other.Thing"/><Property Name="b" Type="Edm.Strin"/>
    <Property Name="c"/><Property Name="d" Type="N.Thing"/><Property Type="Edm.String"/><Property Name="e" Type="String"/>)"));
  EXPECT_EQ(shape(model.sets[0]), "ID int64!, a json, b json, c json, d json, e utf8");
  EXPECT_EQ(model.problems.list, (Names{"line 6: a property of 'N.Thing' has no name: ignored",
                                        "line 5: the property 'a' is of the type 'Other.Thing', which is declared nowhere: kept as json",
                                        "line 5: the property 'b' is of the type 'Edm.Strin', which is declared nowhere: kept as json",
                                        "line 6: the property 'c' has no type: kept as json",
                                        "line 6: the property 'd' is of the entity type 'N.Thing': kept as json"}));
}

TEST(Csdl, OneBrokenEntitySetLeavesTheOthersAlone) {
  const Model model =
      parse_csdl(v4(R"(<EntityType Name="Good"><Key><PropertyRef Name="ID"/></Key><Property Name="ID" Type="Edm.Int32"/></EntityType>
    <EntityType Name="BadKey"><Key><PropertyRef Name="Nope"/></Key><Property Name="ID" Type="Edm.Int32"/></EntityType>
    <ComplexType Name="Complex"/>
    <EntityContainer Name="C"><EntitySet Name="A" EntityType="N.Missing"/><EntitySet Name="B" EntityType="N.Good"/>
      <EntitySet Name="D" EntityType="N.Complex"/><EntitySet Name="E" EntityType="N.BadKey"/><EntitySet EntityType="N.Good"/>
      <EntitySet Name="B" EntityType="N.BadKey"/></EntityContainer>)"));
  ASSERT_EQ(model.sets.size(), 4U);
  EXPECT_EQ(shape(model.sets[0]), "");
  EXPECT_EQ(shape(model.sets[1]), "ID int64!");
  EXPECT_EQ(shape(model.sets[2]), "");
  EXPECT_EQ(model.sets[3].key, Names());
  EXPECT_EQ(model.problems.list,
            (Names{"line 8: an entity set of 'C' has no name: ignored",
                   "line 7: the entity set 'A' is of the type 'N.Missing', which is declared nowhere: its fields are not known",
                   "line 8: the entity set 'D' is of the type 'N.Complex', which is no entity type: its fields are not known",
                   "line 5: the key of 'N.BadKey' names 'Nope', which is no property of it: taken as having no key",
                   "line 9: the entity set 'B' is declared twice: the first one counts"}));
}

TEST(Csdl, ABaseTypeOfAnotherDocumentLeavesWhatIsKnown) {
  const Model model = parse_csdl(v4(R"(<EntityType Name="T" BaseType="Elsewhere.Base"><Property Name="x" Type="Edm.Int32"/></EntityType>
    <EntityContainer Name="C"><EntitySet Name="Ts" EntityType="N.T"/></EntityContainer>)"));
  EXPECT_EQ(shape(model.sets[0]), "x int64");
  EXPECT_EQ(model.problems.list,
            Names{"line 4: the base type 'Elsewhere.Base' of 'N.T' is declared nowhere: inherited fields are not known"});
}

// The rule of README.md, "Cursors".
TEST(Csdl, TheCursorIsTheAnnotatedFieldThenTheEtagThenAWellKnownName) {
  const std::string times = R"(<Property Name="Stamp" Type="Edm.DateTimeOffset"/><Property Name="Last_Modified" Type="Edm.DateTimeOffset"/>
    <Property Name="ModifiedAt" Type="Edm.String"/><Property Name="Touched" Type="Edm.DateTimeOffset"/><Property Name="Row" Type="Edm.Int64"/>)";
  const auto cursor = [&](const std::string& annotations) { return cursor_of(parse_csdl(v4_things(times, annotations)).sets.at(0)); };
  const auto etag = [](const std::string& property) {
    return "<Annotations Target=\"Self.C/Things\"><Annotation Term=\"Org.OData.Core.V1.OptimisticConcurrency\"><Collection><PropertyPath>" +
           property + "</PropertyPath></Collection></Annotation></Annotations>";
  };
  const std::string changed_at =
      R"(<Annotations Target="N.Thing/Touched"><Annotation Term="com.sap.vocabularies.Common.v1.ChangedAt"/></Annotations>)";
  EXPECT_EQ(cursor(""), "Last_Modified") << "ModifiedAt is no time";
  EXPECT_EQ(cursor(etag("Stamp")), "Stamp");
  EXPECT_EQ(cursor(etag("Row")), "Last_Modified");
  EXPECT_EQ(cursor(etag("Stamp") + changed_at), "Touched");
}

TEST(Csdl, AnInlineAnnotationCountsAndAFalseOneDoesNot) {
  const auto cursor = [](const std::string& value) {
    return cursor_of(parse_csdl(v4_things(R"(<Property Name="Touched" Type="Edm.DateTimeOffset">
      <Annotation Term="com.sap.vocabularies.Common.v1.ChangedAt" )" +
                                          value + "/></Property>"))
                         .sets.at(0));
  };
  EXPECT_EQ(cursor(""), "Touched");
  EXPECT_EQ(cursor("Bool=\"true\""), "Touched");
  EXPECT_EQ(cursor("Bool=\"false\""), "");
}

}  // namespace
}  // namespace switchgear::odata
