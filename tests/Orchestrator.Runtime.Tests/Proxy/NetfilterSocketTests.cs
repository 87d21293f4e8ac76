using Orchestrator.Runtime.Proxy.Netfilter;

namespace Orchestrator.Runtime.Tests.Proxy;

public sealed class NetfilterSocketTests
{
    [Fact]
    public void An_attribute_is_found_among_others_and_within_others()
    {
        byte[] inner = [.. NetfilterSocket.Attribute(1, [7]), .. NetfilterSocket.Attribute(2, [0, 53])];
        byte[] message = [.. NetfilterSocket.Attribute(5, [1, 2, 3, 4, 5]), .. NetfilterSocket.Attribute(2 | 0x8000, inner)];

        var nested = NetfilterSocket.Find(message, 2);

        Assert.Equal([0, 53], NetfilterSocket.Find(nested, 2).ToArray());
        Assert.Equal([7], NetfilterSocket.Find(nested, 1).ToArray());
        Assert.Equal([1, 2, 3, 4, 5], NetfilterSocket.Find(message, 5).ToArray());
        Assert.True(NetfilterSocket.Find(message, 3).IsEmpty);
    }

    [Fact]
    public void Attributes_are_filled_up_to_a_multiple_of_four()
    {
        Assert.Equal(12, NetfilterSocket.Attribute(5, [1, 2, 3, 4, 5]).Length);
        Assert.Equal(8, NetfilterSocket.Attribute(5, [1, 2, 3, 4]).Length);
    }

    [Theory]
    [InlineData(new byte[] { 0, 0, 0, 0 })] // Shorter than its own head.
    [InlineData(new byte[] { 200, 0, 1, 0, 1 })] // Longer than the message.
    [InlineData(new byte[] { 4 })]
    public void What_is_no_list_of_attributes_has_none(byte[] message)
    {
        Assert.True(NetfilterSocket.Find(message, 1).IsEmpty);
    }
}
