using System.Text;
using System.Text.Json;
using Orchestrator.Api.Decoding;

namespace Orchestrator.Api.Tests.Decoding;

public sealed class StrictDecoderTests
{
    private static readonly Schema Deployment = SchemaSet.Kubernetes.ForKind(new GroupVersionKind("apps", "v1", "Deployment"));
    private static readonly Schema ControllerRevision = SchemaSet.Kubernetes.ForKind(new GroupVersionKind("apps", "v1", "ControllerRevision"));

    [Theory]
    [InlineData("""{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a","labels":{"any/thing":"x"}},"spec":{"replicas":1}}""")]
    [InlineData("""{"spec":{"strategy":{"rollingUpdate":{"maxSurge":"25%","maxUnavailable":1}}}}""")]
    [InlineData("""{"spec":{"template":{"spec":{"containers":[{"resources":{"limits":{"cpu":1,"example.com/x":"2"}}}]}}}}""")]
    [InlineData("""{"metadata":{"managedFields":[{"fieldsV1":{"f:anything":{}}}]}}""")]
    [InlineData("""{"metadata":{"creationTimestamp":null},"status":{}}""")]
    [InlineData("""{"spec":{"template":{"spec":{"containers":{"of the wrong type":1}}}}}""")]
    public void What_the_schema_knows_is_no_error(string document) =>
        Assert.Empty(StrictDecoder.Check(Encoding.UTF8.GetBytes(document), Deployment));

    [Theory]
    [InlineData("""{"spec":{"replicaz":1}}""", """unknown field "spec.replicaz" """)]
    [InlineData("""{"spec":{"Replicas":1}}""", """unknown field "spec.Replicas" """)]
    [InlineData("""{"bogus":{"a":{"b":1}}}""", """unknown field "bogus" """)]
    [InlineData("""{"spec":{"template":{"spec":{"containers":[{},{"imagez":"x"}]}}}}""", """unknown field "spec.template.spec.containers[1].imagez" """)]
    [InlineData("""{"spec":{"replicas":1,"replicas":2}}""", """duplicate field "spec.replicas" """)]
    [InlineData("""{"spec":{"replicas":1,"replicas":2,"replicas":3}}""", """duplicate field "spec.replicas" """)]
    [InlineData("""{"metadata":{"labels":{"a":"1","a":"2"}}}""", """duplicate field "metadata.labels.a" """)]
    [InlineData("""{"spec":{"x":1,"x":2}}""", """unknown field "spec.x" """)]
    [InlineData("""{"spec":{"replicas":1,"replic\u0061s":2}}""", """duplicate field "spec.replicas" """)]
    [InlineData("""{"spec":{"a\"b":1}}""", """unknown field "spec.a\"b" """)]
    public void What_a_decoder_would_drop_is_named_with_its_path(string document, string error) =>
        Assert.Equal([error.TrimEnd()], StrictDecoder.Check(Encoding.UTF8.GetBytes(document), Deployment));

    [Fact]
    public void All_errors_are_named_in_the_order_of_the_document()
    {
        var errors = StrictDecoder.Check("""{"x":1,"spec":{"replicas":1,"y":2,"replicas":1},"metadata":{"z":1}}"""u8, Deployment);

        Assert.Equal(
            ["""unknown field "x" """.Trim(), """unknown field "spec.y" """.Trim(), """duplicate field "spec.replicas" """.Trim(),
                """unknown field "metadata.z" """.Trim()],
            errors);
    }

    [Fact]
    public void A_document_within_the_document_is_not_looked_into() =>
        Assert.Empty(StrictDecoder.Check("""{"revision":1,"data":{"a":{"b":1,"b":2}}}"""u8, ControllerRevision));

    [Fact]
    public void More_errors_than_anybody_reads_are_not_collected()
    {
        string fields = string.Join(',', Enumerable.Range(0, 500).Select(i => $"\"x{i}\":1"));

        var errors = StrictDecoder.Check(Encoding.UTF8.GetBytes($"{{{fields}}}"), Deployment);

        Assert.Equal(StrictDecoder.ErrorsLimit, errors.Count);
    }

    [Theory]
    [InlineData("{", "unexpected end of JSON input")]
    [InlineData("""{"a" 1}""", "invalid character '1' after object key")]
    [InlineData("{} x", "invalid character 'x' after top-level value")]
    public void A_text_that_is_no_JSON_is_refused_in_the_words_of_Go(string document, string message)
    {
        var refusal = Assert.Throws<JsonException>(() => StrictDecoder.Check(Encoding.UTF8.GetBytes(document), Deployment));

        Assert.Equal(message, refusal.Message);
    }

    [Fact]
    public void Duplicates_are_found_in_a_patch_that_has_no_schema() =>
        Assert.Equal(["""duplicate field "a[1].b" """.Trim()], StrictDecoder.DuplicateFields("""{"a":[{"b":1},{"b":1,"b":2}]}"""u8));

    [Fact]
    public void Any_text_is_either_checked_or_refused_as_JSON()
    {
        const string Seed = """{"apiVersion":"apps/v1","metadata":{"labels":{"a":"\u00e4","b":"x"}},"spec":{"replicas":10,"template":{"spec":{"containers":[{"name":"a"}]}}}}""";
        for (int seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            byte[] text = Encoding.UTF8.GetBytes(Seed);
            for (int i = random.Next(1, 4); i > 0; i--)
                text[random.Next(text.Length)] = (byte)(random.Next(2) == 0 ? random.Next(256) : "{}[]\",:\\\n"[random.Next(9)]);

            string? refusal = null;
            try
            {
                StrictDecoder.Check(text, Deployment);
                JsonText.Parse(text);
            }
            catch (JsonException exception)
            {
                refusal = exception.Message;
            }

            Assert.True(refusal is null or { Length: > 10 }, $"seed {seed}: {refusal}");
        }
    }
}
