using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Orchestrator.Api;
using Orchestrator.Runtime.ApiServer.Caching;
using Orchestrator.Runtime.ApiServer.Http;
using Orchestrator.Runtime.ApiServer.Requests;
using Orchestrator.Runtime.ApiServer.Resources;

namespace Orchestrator.Runtime.Tests.ApiServer;

public sealed class RequestReadingTests
{
    [Theory]
    [InlineData("GET", "/api/v1/pods", "list", "/v1/pods ns= name= sub=")]
    [InlineData("GET", "/api/v1/pods?watch=true", "watch", "/v1/pods ns= name= sub=")]
    [InlineData("GET", "/api/v1/pods?watch=false", "list", "/v1/pods ns= name= sub=")]
    [InlineData("GET", "/api/v1/watch/namespaces/a/pods/p", "watch", "/v1/pods ns=a name=p sub=")]
    [InlineData("POST", "/api/v1/namespaces/a/pods", "create", "/v1/pods ns=a name= sub=")]
    [InlineData("PUT", "/apis/apps/v1/namespaces/a/deployments/d/scale", "update", "apps/v1/deployments ns=a name=d sub=scale")]
    [InlineData("PATCH", "/apis/apps/v1/namespaces/a/deployments/d", "patch", "apps/v1/deployments ns=a name=d sub=")]
    [InlineData("DELETE", "/api/v1/namespaces/a", "delete", "/v1/namespaces ns=a name=a sub=")]
    [InlineData("DELETE", "/api/v1/namespaces/a/pods", "deletecollection", "/v1/pods ns=a name= sub=")]
    [InlineData("PUT", "/api/v1/namespaces/a/finalize", "update", "/v1/namespaces ns=a name=a sub=finalize")]
    [InlineData("GET", "/api/v1/namespaces/a/services/https:s:x/proxy/b/c", "get", "/v1/services ns=a name=https:s:x sub=proxy")]
    [InlineData("GET", "/healthz", "get", "no resource")]
    [InlineData("GET", "/apis/apps/v1", "get", "no resource")]
    public void A_path_is_taken_apart_as_Kubernetes_does(string method, string url, string verb, string expected)
    {
        var context = new DefaultHttpContext();
        int query = url.IndexOf('?', StringComparison.Ordinal);
        context.Request.Method = method;
        context.Request.QueryString = new QueryString(query < 0 ? "" : url[query..]);

        var path = RequestPath.Parse(query < 0 ? url : url[..query]);

        Assert.Equal(verb, path.VerbOf(context.Request));
        Assert.Equal(expected, path.IsResource
            ? $"{path.Group}/{path.Version}/{path.Resource} ns={path.Namespace} name={path.Name} sub={path.Subresource}"
            : "no resource");
    }

    [Theory]
    [InlineData("a: 1\nb: yes\nc: \"yes\"\nd: ~\ne: 0x10\nf: 010\ng: 1.5\nh: 1e3\ni: -2\nj: 12:30\nk: 1.2.3\n",
        """{"a":1,"b":true,"c":"yes","d":null,"e":16,"f":8,"g":1.5,"h":1000,"i":-2,"j":"12:30","k":"1.2.3"}""")]
    [InlineData("- a\n- {b: [c]}\n", """["a",{"b":["c"]}]""")]
    [InlineData("x: &a {k: v}\ny: *a\nz: {<<: *a, l: m}\n", """{"x":{"k":"v"},"y":{"k":"v"},"z":{"k":"v","l":"m"}}""")]
    [InlineData("a: |\n  one\n  two\n", """{"a":"one\ntwo\n"}""")]
    [InlineData("", "null")]
    [InlineData("~", "null")]
    public void YAML_becomes_the_JSON_that_Kubernetes_reads_in_it(string yaml, string json)
    {
        var found = JsonNode.Parse(YamlText.ToJson(Encoding.UTF8.GetBytes(yaml)));

        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(json), found), found?.ToJsonString());
    }

    [Theory]
    [InlineData("a: 1\na: 2\n")]
    [InlineData("a: [1\n")]
    [InlineData("a: *nobody\n")]
    public void Broken_YAML_is_refused(string yaml) =>
        Assert.Throws<JsonException>(() => YamlText.ToJson(Encoding.UTF8.GetBytes(yaml)));

    [Fact]
    public void Aliases_that_multiply_end_before_memory_does()
    {
        var yaml = new StringBuilder("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for (int level = 1; level < 10; level++)
            yaml.Append($"a{level}: &a{level} [").AppendJoin(',', Enumerable.Repeat($"*a{level - 1}", 10)).Append("]\n");

        Assert.Throws<JsonException>(() => YamlText.ToJson(Encoding.UTF8.GetBytes(yaml.ToString())));
    }

    [Theory]
    [InlineData("", ObjectForm.Full)]
    [InlineData("*/*", ObjectForm.Full)]
    [InlineData("application/vnd.kubernetes.protobuf,application/json", ObjectForm.Full)]
    [InlineData("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", ObjectForm.Table)]
    [InlineData("application/json;as=Table;v=v1;g=other,application/json", ObjectForm.Full)]
    [InlineData("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", ObjectForm.PartialMetadata)]
    internal void The_first_form_that_can_be_served_is(string accept, ObjectForm form)
    {
        var context = new DefaultHttpContext();
        context.Request.Headers.Accept = accept;

        Assert.Equal(form, MediaTypes.Negotiate(context.Request, allowsTransforms: true).Form);
    }

    [Fact]
    public void What_nobody_can_serve_is_406()
    {
        var context = new DefaultHttpContext();
        context.Request.Headers.Accept = "text/html";

        Assert.Equal(406, Assert.Throws<ApiException>(() => MediaTypes.Negotiate(context.Request, true)).Code);
    }

    [Fact]
    public void A_token_leads_to_the_place_that_it_was_made_for()
    {
        var token = new ContinueToken(42, "a/ü");

        Assert.Equal(token, ContinueToken.Parse(token.Encode()));
    }

    [Fact]
    public void A_warning_is_one_header_line()
    {
        Assert.Equal("299 - \"say \\\"x\\\" \"", WarningHeader.Of("say \"x\"\n"));
    }

    [Fact]
    public void An_autoscaler_of_version_1_keeps_what_only_version_2_knows()
    {
        const string stored = """
            {"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","metadata":{"name":"a"},
             "spec":{"maxReplicas":3,"metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":70}}},
              {"type":"Resource","resource":{"name":"memory","target":{"type":"Utilization","averageUtilization":50}}}],
              "behavior":{"scaleDown":{"stabilizationWindowSeconds":5}}}}
            """;
        var conversion = new AutoscalerConversion();

        var served = conversion.ToServed(JsonBytes.ParseObject(Encoding.UTF8.GetBytes(stored)));
        int percent = served["spec"]!["targetCPUUtilizationPercentage"]!.GetValue<int>();
        var back = conversion.ToStored(served);

        Assert.Equal(70, percent);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(stored), back), back.ToJsonString());
    }

    [Fact]
    public void An_event_is_the_same_after_both_conversions()
    {
        const string stored = """
            {"apiVersion":"v1","kind":"Event","metadata":{"name":"e"},"involvedObject":{"kind":"Pod"},"message":"m","count":2,
             "source":{"component":"c"},"firstTimestamp":"2026-01-01T00:00:00Z","reportingComponent":"r"}
            """;
        var conversion = new EventConversion();

        var served = conversion.ToServed(JsonBytes.ParseObject(Encoding.UTF8.GetBytes(stored)));
        string note = served["note"]!.GetValue<string>();
        var back = conversion.ToStored(served);

        Assert.Equal("m", note);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(stored), back));
    }
}
