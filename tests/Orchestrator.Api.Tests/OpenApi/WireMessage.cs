using System.Text;

namespace Orchestrator.Api.Tests.OpenApi;

/// <summary>Reads protobuf without knowing what it is: fields by number.</summary>
internal sealed class WireMessage
{
    private readonly List<(int Number, ulong Varint, byte[] Bytes)> _fields = [];

    public WireMessage(byte[] bytes)
    {
        int position = 0;
        while (position < bytes.Length)
        {
            ulong tag = ReadVarint(bytes, ref position);
            switch (tag & 7)
            {
                case 0:
                    _fields.Add(((int)(tag >> 3), ReadVarint(bytes, ref position), []));
                    break;
                case 2:
                    int length = (int)ReadVarint(bytes, ref position);
                    _fields.Add(((int)(tag >> 3), 0, bytes[position..(position + length)]));
                    position += length;
                    break;
                default:
                    throw new FormatException($"wire type {tag & 7} is not used");
            }
        }
    }

    public IEnumerable<WireMessage> All(int number) => Of(number).Select(field => new WireMessage(field.Bytes));

    public WireMessage One(int number) => Assert.Single(All(number));

    public string Text(int number) => Encoding.UTF8.GetString(Assert.Single(Of(number)).Bytes);

    public IEnumerable<string> Texts(int number) => Of(number).Select(field => Encoding.UTF8.GetString(field.Bytes));

    public bool IsTrue(int number) => Of(number).Any(field => field.Varint == 1);

    /// <summary>The value of a map's entry, where maps are lists of (name, value).</summary>
    public WireMessage Entry(int number, string name) => Assert.Single(All(number), entry => entry.Text(1) == name).One(2);

    private IEnumerable<(int Number, ulong Varint, byte[] Bytes)> Of(int number) => _fields.Where(field => field.Number == number);

    private static ulong ReadVarint(byte[] bytes, ref int position)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = bytes[position++];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
                return value;
        }
    }
}
