using Orchestrator.Api.MetaV1;
using Orchestrator.Api.Selectors;

namespace Orchestrator.Api.Tests.Selectors;

public sealed class SelectorTests
{
    private static readonly Dictionary<string, string> Web = new() { ["app"] = "web", ["tier"] = "front", ["size"] = "5", ["empty"] = "" };

    [Theory]
    [InlineData("", true)]
    [InlineData("app=web", true)]
    [InlineData("app==web", true)]
    [InlineData("app=db", false)]
    [InlineData("app!=db", true)]
    [InlineData("app!=web", false)]
    [InlineData("none!=x", true)]
    [InlineData("none=x", false)]
    [InlineData("app", true)]
    [InlineData("none", false)]
    [InlineData("!none", true)]
    [InlineData("!app", false)]
    [InlineData("! app", false)]
    [InlineData("app in (web,db)", true)]
    [InlineData("app in (db)", false)]
    [InlineData("app notin (db)", true)]
    [InlineData("app notin (web, db)", false)]
    [InlineData("none notin (a)", true)]
    [InlineData("app=web,tier=front", true)]
    [InlineData("app=web,tier=back", false)]
    [InlineData(" app = web , tier in ( front ) ", true)]
    [InlineData("empty=", true)]
    [InlineData("empty", true)]
    [InlineData("app=", false)]
    [InlineData("empty in (,a)", true)]
    [InlineData("empty in (a,)", true)]
    [InlineData("empty in (a,,b)", true)]
    [InlineData("size>4", true)]
    [InlineData("size>5", false)]
    [InlineData("size<6", true)]
    [InlineData("app>4", false)]
    [InlineData("in=in", false)]
    [InlineData("notin", false)]
    [InlineData("example.com/app!=web", true)]
    public void A_selector_matches_as_kubectl_users_know(string text, bool matches) =>
        Assert.Equal(matches, Selector.Parse(text).Matches(Web));

    [Theory]
    [InlineData("b=2,a=1", "a=1,b=2")]
    [InlineData("a==1", "a==1")]
    [InlineData("a != 1", "a!=1")]
    [InlineData("a in (c, b,b)", "a in (b,c)")]
    [InlineData("a notin (c,b)", "a notin (b,c)")]
    [InlineData("!a,b", "!a,b")]
    [InlineData("a>1,b<2", "a>1,b<2")]
    [InlineData("a=", "a=")]
    [InlineData("a in ()", null)]
    public void A_selector_is_written_sorted_and_reads_back_the_same(string text, string? written)
    {
        if (written is null)
        {
            Assert.False(Selector.TryParse(text, out _, out _));
            return;
        }

        var selector = Selector.Parse(text);

        Assert.Equal(written, selector.ToString());
        Assert.Equal(written, Selector.Parse(written).ToString());
    }

    [Theory]
    [InlineData("a=b=c", "found '=', expected: ',' or 'end of string'")]
    [InlineData(",a", "found ',', expected: !, identifier, or 'end of string'")]
    [InlineData("a,", "found '', expected: identifier after ','")]
    [InlineData("a,,b", "found ',', expected: identifier after ','")]
    [InlineData("!", "unable to parse requirement: found '', expected: identifier")]
    [InlineData("!a=b", "found '=', expected: ',' or 'end of string'")]
    [InlineData("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt")]
    [InlineData("a in b", "unable to parse requirement: found 'b' expected: '('")]
    [InlineData("a in (b", "unable to parse requirement: found '', expected: ',' or ')'")]
    [InlineData("a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'")]
    [InlineData("a in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier")]
    [InlineData("a in ()", "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty")]
    [InlineData("a=(b", "unable to parse requirement: found '(', expected: identifier")]
    [InlineData("a>x", "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer")]
    [InlineData("a@b=c",
        "unable to parse requirement: <nil>: Invalid value: \"a@b\": name part must consist of alphanumeric characters, '-', '_' or '.', " +
        "and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is " +
        "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')")]
    [InlineData("a=-b",
        "unable to parse requirement: values[0][a]: Invalid value: \"-b\": a valid label must be an empty string or consist of alphanumeric " +
        "characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', " +
        "regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')")]
    [InlineData("/a", "unable to parse requirement: <nil>: Invalid value: \"/a\": prefix part must be non-empty")]
    [InlineData("x/", "unable to parse requirement: <nil>: Invalid value: \"x/\": name part must be non-empty; name part must consist of " +
        "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or " +
        "'123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')")]
    public void A_malformed_selector_is_refused_in_the_words_of_Kubernetes(string text, string message)
    {
        var refusal = Assert.Throws<ApiException>(() => Selector.Parse(text));

        Assert.Equal(message, refusal.Status.Message);
        Assert.Equal((400, "BadRequest"), (refusal.Status.Code, refusal.Status.Reason));
    }

    [Fact]
    public void A_selector_object_that_is_not_there_selects_nothing_and_an_empty_one_everything()
    {
        Assert.False(Selector.Of((LabelSelector?)null).Matches(Web));
        Assert.True(Selector.Of(new LabelSelector()).Matches(Web));
        Assert.True(Selector.Of(new LabelSelector()).IsEverything);
        Assert.True(Selector.Of((Dictionary<string, string>?)null).IsEverything);
        Assert.False(Selector.Nothing.IsEverything);
        Assert.True(Selector.Everything.Matches(null));
    }

    [Fact]
    public void A_selector_object_asks_for_its_labels_and_expressions()
    {
        var selector = Selector.Of(new LabelSelector
        {
            MatchLabels = new() { ["app"] = "web" },
            MatchExpressions =
            [
                new() { Key = "tier", Operator = "In", Values = ["back", "front"] },
                new() { Key = "none", Operator = "DoesNotExist" },
                new() { Key = "size", Operator = "Exists" },
                new() { Key = "empty", Operator = "NotIn", Values = ["x"] },
            ],
        });

        Assert.True(selector.Matches(Web));
        Assert.Equal("app=web,empty notin (x),!none,size,tier in (back,front)", selector.ToString());
    }

    [Fact]
    public void A_selector_object_with_an_unknown_operator_is_refused()
    {
        var selector = new LabelSelector { MatchExpressions = [new() { Key = "a", Operator = "Near" }] };

        var refusal = Assert.Throws<ApiException>(() => Selector.Of(selector));

        Assert.Equal("\"Near\" is not a valid label selector operator", refusal.Status.Message);
    }

    [Fact]
    public void Any_text_is_either_read_or_refused()
    {
        const string Alphabet = "ab=!(),<> in\\/.-\t\"";
        var random = new Random(7);
        int read = 0;
        for (int round = 0; round < 50_000; round++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(14)).Select(_ => Alphabet[random.Next(Alphabet.Length)]));

            if (Selector.TryParse(text, out var selector, out string error))
            {
                read++;
                Assert.Equal(selector.ToString(), Selector.Parse(selector.ToString()).ToString());
            }
            else
            {
                Assert.NotEmpty(error);
            }
        }
        Assert.True(read > 500, $"only {read} texts were selectors");
    }
}
