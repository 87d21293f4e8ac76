namespace Orchestrator.Api.Decoding;

/// <summary>Bytes that are no message; the text is that of Go's decoder.</summary>
internal sealed class ProtobufFault(string message) : Exception(message)
{
    public static ProtobufFault UnexpectedEnd() => new("unexpected EOF");

    public static ProtobufFault Overflow() => new("proto: integer overflow");
}
