using Orchestrator.Api.Selectors;

namespace Orchestrator.Api.Tests.Selectors;

public sealed class FieldSelectorTests
{
    private static readonly Dictionary<string, string> Fields = new()
    {
        ["metadata.name"] = "web",
        ["status.phase"] = "Running",
        ["note"] = "a,b=c\\d",
    };

    [Theory]
    [InlineData("", true)]
    [InlineData("metadata.name=web", true)]
    [InlineData("metadata.name==web", true)]
    [InlineData("metadata.name!=web", false)]
    [InlineData("metadata.name=web,status.phase!=Failed,status.phase!=Succeeded", true)]
    [InlineData("metadata.name=web,status.phase=Failed", false)]
    [InlineData("involvedObject.namespace=", true)]
    [InlineData("metadata.name=", false)]
    [InlineData("metadata.name!=", true)]
    [InlineData(",metadata.name=web,", true)]
    [InlineData(@"note=a\,b\=c\\d", true)]
    public void A_field_selector_matches_as_kubectl_users_know(string text, bool matches) =>
        Assert.Equal(matches, FieldSelector.Parse(text).Matches(Fields.GetValueOrDefault));

    [Theory]
    [InlineData("metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'")]
    [InlineData("a=b,c", "invalid selector: 'a=b,c'; can't understand 'c'")]
    [InlineData("a=b=c", "invalid field selector: unescaped character in value: =")]
    [InlineData(@"a=\x", @"invalid field selector: invalid escape sequence: \x")]
    [InlineData(@"a=x\", @"invalid field selector: invalid escape sequence: \")]
    public void A_malformed_field_selector_is_refused_in_the_words_of_Kubernetes(string text, string message)
    {
        var refusal = Assert.Throws<ApiException>(() => FieldSelector.Parse(text));

        Assert.Equal((message, 400), (refusal.Status.Message, refusal.Status.Code));
    }

    [Fact]
    public void The_one_value_that_a_field_must_have_can_be_asked_for()
    {
        var selector = FieldSelector.Parse("spec.nodeName=n1,status.phase!=Failed");

        Assert.True(selector.TryGetExact("spec.nodeName", out string node));
        Assert.Equal("n1", node);
        Assert.False(selector.TryGetExact("status.phase", out _));
    }

    [Theory]
    [InlineData("b=2,a!=1", "a!=1,b=2")]
    [InlineData("a==1", "a=1")]
    [InlineData(@"a=\,\=\\", @"a=\,\=\\")]
    public void A_field_selector_is_written_sorted_and_reads_back_the_same(string text, string written)
    {
        Assert.Equal(written, FieldSelector.Parse(text).ToString());
        Assert.Equal(written, FieldSelector.Parse(written).ToString());
    }
}
