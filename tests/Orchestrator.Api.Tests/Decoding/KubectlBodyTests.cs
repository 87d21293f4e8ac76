using System.Reflection;
using System.Text.Json.Nodes;
using Orchestrator.Api.Decoding;

namespace Orchestrator.Api.Tests.Decoding;

/// <summary>Bodies that a real kubectl sent.</summary>
public sealed class KubectlBodyTests
{
    public static TheoryData<string, string, string> Bodies
    {
        get
        {
            using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream("kubectl-bodies.txt")!);
            var bodies = new TheoryData<string, string, string>();
            while (reader.ReadLine() is { Length: > 0 } body)
            {
                string meant = reader.ReadLine()!;
                bodies.Add((string)JsonNode.Parse(meant)!["kind"]!, body, meant);
            }
            return bodies;
        }
    }

    [Theory]
    [MemberData(nameof(Bodies))]
    public void A_body_of_kubectl_says_what_kubectl_says_that_it_says(string kind, string body, string meant)
    {
        var decoded = JsonNode.Parse(ProtobufDecoder.ToJson(Convert.FromBase64String(body), out var found));

        Assert.Equal(kind, found.Kind);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(meant), decoded), $"{decoded!.ToJsonString()} is not {meant}");
    }

    [Fact]
    public void All_the_generators_are_there() => Assert.Equal(18, Bodies.Count());
}
