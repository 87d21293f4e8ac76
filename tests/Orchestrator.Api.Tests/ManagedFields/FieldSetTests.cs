using System.Text.Json.Nodes;
using Orchestrator.Api.ManagedFields;

namespace Orchestrator.Api.Tests.ManagedFields;

public sealed class FieldSetTests
{
    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"f:a":{}}""")]
    [InlineData("""{"f:a":{"f:b":{}}}""")]
    [InlineData("""{"f:a":{".":{},"f:b":{}}}""")]
    [InlineData("""{"f:a":{"k:{\"name\":\"x\"}":{".":{},"f:image":{}},"v:\"y\"":{},"i:0":{}}}""")]
    [InlineData("""{"f:p":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{}}}""")]
    public void A_set_is_written_as_it_was_read(string text) => Assert.Equal(text, Parse(text).ToString().Replace("\\u0022", "\\\""));

    [Fact]
    public void Keys_are_equal_in_whatever_order_they_stand()
    {
        var set = Parse("""{"k:{\"protocol\":\"TCP\",\"port\":80}":{}}""");

        Assert.True(set.Contains("""k:{"port":80,"protocol":"TCP"}"""));
    }

    [Theory]
    [InlineData("""{"x":{}}""")]
    [InlineData("""{"x:y":{}}""")]
    [InlineData("""{"k:{":{}}""")]
    [InlineData("""{"k:[]":{}}""")]
    [InlineData("""{"v:":{}}""")]
    [InlineData("""{"i:x":{}}""")]
    [InlineData("""{"f:a":1}""")]
    [InlineData("""[]""")]
    public void What_is_no_set_is_refused(string text) => Assert.Throws<FormatException>(() => Parse(text));

    [Theory]
    [InlineData("""{"f:a":{}}""", """{"f:a":{}}""", """{}""", """{}""")]
    [InlineData("""{"f:a":{".":{},"f:b":{}}}""", """{"f:a":{}}""", """{"f:a":{"f:b":{}}}""", """{}""")]
    [InlineData("""{"f:a":{".":{},"f:b":{}}}""", """{"f:a":{"f:b":{}}}""", """{"f:a":{}}""", """{"f:a":{}}""")]
    [InlineData("""{"f:a":{"f:b":{}},"f:c":{}}""", """{"f:c":{"f:d":{}}}""", """{"f:a":{"f:b":{}},"f:c":{}}""", """{"f:a":{"f:b":{}},"f:c":{}}""")]
    public void A_difference_leaves_what_is_below_unless_it_is_recursive(string left, string right, string difference, string recursive)
    {
        Assert.Equal(difference, Parse(left).Except(Parse(right)).ToString());
        Assert.Equal(recursive, Parse(left).ExceptRecursively(Parse(right)).ToString());
    }

    [Fact]
    public void A_path_is_shown_as_in_errors() =>
        Assert.Equal(""".spec.ports[port=80,protocol="TCP"].finalizers[="a"][0]""",
            FieldSet.Display(["f:spec", "f:ports", """k:{"port":80,"protocol":"TCP"}""", "f:finalizers", "v:\"a\"", "i:0"]));

    [Fact]
    public void Random_sets_obey_the_algebra_of_sets()
    {
        for (int seed = 0; seed < 3000; seed++)
        {
            var random = new Random(seed);
            var (a, b) = (RandomPaths(random), RandomPaths(random));
            var (x, y) = (SetOf(a), SetOf(b));

            Assert.Equal(Texts(a.Union(b)), Texts(x.Union(y)));
            Assert.Equal(Texts(a.Intersect(b)), Texts(x.Intersect(y)));
            Assert.Equal(Texts(a.Except(b)), Texts(x.Except(y)));
            Assert.Equal(Texts(a.Where(path => !b.Any(other => path == other || path.StartsWith(other + "/", StringComparison.Ordinal)))),
                Texts(x.ExceptRecursively(y)));
            Assert.True(x.Equals(Parse(x.ToString())));
            Assert.Equal(a.SetEquals(b), x.Equals(y));
            Assert.All(a, path => Assert.True(x.Contains(path.Split('/'))));
        }
    }

    private static FieldSet Parse(string text) => FieldSet.Parse(JsonNode.Parse(text));

    private static HashSet<string> RandomPaths(Random random) =>
        [.. Enumerable.Range(0, random.Next(6)).Select(_ =>
            string.Join('/', Enumerable.Range(0, random.Next(1, 4)).Select(_ => "f:" + "abc"[random.Next(3)])))];

    private static FieldSet SetOf(IEnumerable<string> paths) =>
        paths.Aggregate(FieldSet.Empty, (set, path) => set.Union(FieldSet.OfPath([.. path.Split('/').Select(element => element[2..])])));

    private static string Texts(IEnumerable<string> paths) => string.Join(' ', paths.Order(StringComparer.Ordinal));

    private static string Texts(FieldSet set) => Texts(set.Paths.Select(path => string.Join('/', path)));
}
