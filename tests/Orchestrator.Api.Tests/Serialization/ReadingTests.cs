using System.Text;
using System.Text.Json;
using Orchestrator.Api.AppsV1;
using Orchestrator.Api.CoordinationV1;
using Orchestrator.Api.CoreV1;

namespace Orchestrator.Api.Tests.Serialization;

public sealed class ReadingTests
{
    [Theory]
    [InlineData("""{"spec":{"replicas":"3"}}""", "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32")]
    [InlineData("""{"spec":{"replicas":1.5}}""", "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32")]
    [InlineData("""{"spec":{"replicas":3000000000}}""", "json: cannot unmarshal number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32")]
    [InlineData("""{"spec":[]}""", "json: cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec")]
    [InlineData("""{"metadata":{"labels":{"a":1}}}""", "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string")]
    [InlineData("""{"metadata":{"labels":"a"}}""", "json: cannot unmarshal string into Go struct field ObjectMeta.metadata.labels of type map[string]string")]
    [InlineData("""{"metadata":{"name":true}}""", "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.name of type string")]
    [InlineData("""{"spec":{"template":{"spec":{"containers":{"a":1}}}}}""", "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container")]
    [InlineData("""{"spec":{"template":{"spec":{"containers":[{"name":"a"},{"env":[{"value":1}]}]}}}}""", "json: cannot unmarshal number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string")]
    [InlineData("[]", "json: cannot unmarshal array into Go value of type v1.Deployment")]
    [InlineData("""{"spec":{"template":{"spec":{"containers":[{"resources":{"limits":{"cpu":"lots"}}}]}}}}""", "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    [InlineData("""{"spec":{"strategy":{"rollingUpdate":{"maxSurge":{}}}}}""", "json: cannot unmarshal object into Go value of type int32")]
    [InlineData("""{"metadata":{"creationTimestamp":5}}""", "json: cannot unmarshal number into Go value of type string")]
    [InlineData("""{"metadata":{"creationTimestamp":"soon"}}""", "parsing time \"soon\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"soon\" as \"2006\"")]
    public void A_value_of_the_wrong_type_is_refused_in_Kubernetes_words(string json, string message)
    {
        var exception = Assert.Throws<JsonException>(() => KubernetesJson.Deserialize<Deployment>(Encoding.UTF8.GetBytes(json)));

        Assert.Equal(message, exception.Message);
    }

    [Theory]
    [InlineData("2026-01", "parsing time \"2026-01\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"\" as \"-\"")]
    [InlineData("2026-01-01 00:00:00Z", "parsing time \"2026-01-01 00:00:00Z\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \" 00:00:00Z\" as \"T\"")]
    [InlineData("2026-13-01T00:00:00Z", "parsing time \"2026-13-01T00:00:00Z\": month out of range")]
    [InlineData("2026-02-29T00:00:00Z", "parsing time \"2026-02-29T00:00:00Z\": day out of range")]
    [InlineData("2026-01-01T24:00:00Z", "parsing time \"2026-01-01T24:00:00Z\": hour out of range")]
    [InlineData("2026-01-01T00:00:00", "parsing time \"2026-01-01T00:00:00\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"\" as \"Z07:00\"")]
    [InlineData("2026-01-01T00:00:00Zulu", "parsing time \"2026-01-01T00:00:00Zulu\": extra text: \"ulu\"")]
    public void A_text_that_is_no_time_is_refused_in_Gos_words(string text, string message)
    {
        var exception = Assert.Throws<JsonException>(() =>
            KubernetesJson.Deserialize<Pod>(Encoding.UTF8.GetBytes($$$"""{"status":{"startTime":"{{{text}}}"}}""")));

        Assert.Equal(message, exception.Message);
    }

    [Fact]
    public void A_value_that_is_no_base64_is_refused_with_its_place()
    {
        var exception = Assert.Throws<JsonException>(() => KubernetesJson.Deserialize<Secret>("""{"data":{"a":"abc*"}}"""u8));

        Assert.Equal("illegal base64 data at input byte 3", exception.Message);
    }

    [Theory]
    [InlineData("", "unexpected end of JSON input")]
    [InlineData("{", "unexpected end of JSON input")]
    [InlineData("""{"a":1""", "unexpected end of JSON input")]
    [InlineData("""{"a" 1}""", "invalid character '1' after object key")]
    [InlineData("""{"a":1 "b":2}""", "invalid character '\"' after object key:value pair")]
    [InlineData("""{"a":[1 2]}""", "invalid character '2' after array element")]
    [InlineData("""{"a":1,}""", "invalid character '}' looking for beginning of object key string")]
    [InlineData("""{"a":nil}""", "invalid character 'i' in literal null (expecting 'u')")]
    [InlineData("""{"a":01}""", "invalid character '1' after object key:value pair")]
    [InlineData("""{"a":1}x""", "invalid character 'x' after top-level value")]
    [InlineData("""{"a":"\x"}""", "invalid character 'x' in string escape code")]
    [InlineData("apiVersion: v1", "invalid character 'a' looking for beginning of value")]
    public void What_is_no_JSON_is_refused_in_Gos_words(string text, string message)
    {
        var exception = Assert.Throws<JsonException>(() => KubernetesJson.Deserialize<Pod>(Encoding.UTF8.GetBytes(text)));

        Assert.Equal(message, exception.Message);
    }

    [Fact]
    public void Unknown_fields_are_skipped_whatever_they_hold()
    {
        var pod = KubernetesJson.Deserialize<Pod>("""
            {"unknown":{"a":[{"b":1}]},"spec":{"more":[[]],"nodeName":"n1","x":null},"metadata":{"name":"a"}}
            """u8);

        Assert.Equal(("n1", "a"), (pod.Spec.NodeName, pod.Name));
        Assert.Null(pod.Kind);
    }

    [Fact]
    public void Null_is_the_same_as_absent()
    {
        var pod = KubernetesJson.Deserialize<Pod>("""
            {"spec":null,"status":{"conditions":null},"metadata":{"labels":null,"creationTimestamp":null,"name":null}}
            """u8);

        Assert.True(new Pod { ApiVersion = null, Kind = null }.DeepEquals(pod));
    }

    [Fact]
    public void Names_and_values_may_be_escaped()
    {
        var pod = KubernetesJson.Deserialize<Pod>("""{"\u0073pec":{"node\u004eame":"\u006e1"},"met\u0061data":{"n\u0061me":"\"a\""}}"""u8);

        Assert.Equal(("n1", "\"a\""), (pod.Spec.NodeName, pod.Name));
    }

    [Fact]
    public void Names_differ_by_case()
    {
        var pod = KubernetesJson.Deserialize<Pod>("""{"Spec":{"nodeName":"n1"},"spec":{"nodename":"n2"}}"""u8);

        Assert.Null(pod.Spec.NodeName);
    }

    [Theory]
    [InlineData("2026-03-04T05:06:07Z", "2026-03-04T05:06:07.000000Z")]
    [InlineData("2026-03-04T05:06:07+02:30", "2026-03-04T02:36:07.000000Z")]
    [InlineData("2026-03-04T05:06:07.123456789-01:00", "2026-03-04T06:06:07.123456Z")]
    [InlineData("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z")]
    [InlineData("2024-02-29T23:59:59.9Z", "2024-02-29T23:59:59.900000Z")]
    public void Times_may_have_any_offset_and_are_written_in_UTC(string text, string written)
    {
        var lease = KubernetesJson.Deserialize<Lease>(Encoding.UTF8.GetBytes($$$"""{"spec":{"renewTime":"{{{text}}}"}}"""));

        Assert.Equal(written, Timestamps.FormatMicro(lease.Spec.RenewTime!.Value));
        Assert.Contains($"\"renewTime\":\"{written}\"", Encoding.UTF8.GetString(KubernetesJson.Serialize(lease)));
    }

    [Theory]
    [InlineData("2025-02-29T00:00:00Z")]
    [InlineData("2026-13-01T00:00:00Z")]
    [InlineData("2026-01-01T24:00:00Z")]
    [InlineData("2026-01-01T00:00:00")]
    [InlineData("2026-01-01T00:00:00.Z")]
    [InlineData("2026-01-01 00:00:00Z")]
    [InlineData("2026-01-01T00:00:00+1:00")]
    [InlineData("0001-01-01T00:00:00+05:00")]
    public void What_is_no_time_is_not_taken_for_one(string text) =>
        Assert.False(Timestamps.TryParse(Encoding.ASCII.GetBytes(text), out _));

    [Fact]
    public void Large_numbers_and_free_form_numbers_keep_every_digit()
    {
        const string Json = """{"kind":"ControllerRevision","apiVersion":"apps/v1","metadata":{"generation":9007199254740993},"data":{"n":1.50,"big":12345678901234567890},"revision":9223372036854775807}""";

        var revision = KubernetesJson.Deserialize<ControllerRevision>(Encoding.UTF8.GetBytes(Json));

        Assert.Equal(Json, Encoding.UTF8.GetString(KubernetesJson.Serialize(revision)));
    }

    [Fact]
    public void An_unknown_kind_is_refused()
    {
        var kind = new GroupVersionKind("example.com", "v1", "Widget");

        Assert.Null(KubernetesJson.Create(kind));
        Assert.Throws<ArgumentException>(() => KubernetesJson.Deserialize(kind, "{}"u8));
    }
}
