using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.Events;

namespace Orchestrator.Runtime.Tests.Events;

public class EventNameTests
{
    private static readonly DateTimeOffset Moment = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly ObjectReference Web = new() { Kind = "Pod", Name = "web", Namespace = "default" };

    [Fact]
    public void What_happened_earlier_is_listed_earlier_whoever_tells_and_however_much_it_has_told()
    {
        string scheduled = EventName.Of(Web, Moment, 123_456), pulled = EventName.Of(Web, Moment.AddMicroseconds(2), 3);

        Assert.True(string.CompareOrdinal(scheduled, pulled) < 0);
        Assert.Equal("web.1a46e83335d500c8", EventName.Of(Web, Moment.AddTicks(2), 0));
    }

    [Fact]
    public void Two_of_one_moment_are_two() => Assert.NotEqual(EventName.Of(Web, Moment, 1), EventName.Of(Web, Moment, 2));
}
