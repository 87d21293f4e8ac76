using System.Buffers.Binary;
using Orchestrator.Runtime.Kubelet.Images;

namespace Orchestrator.Node.Tests.Fake;

/// <summary>The program that holds pods' namespaces, for processors that these tests do not run on.</summary>
public sealed class PauseImageTests
{
    /// <summary>An assembler's words for the same program; in an emulator it slept until SIGTERM or SIGINT and ended with 0.</summary>
    [Fact]
    public void The_program_for_Arm_has_the_words_that_an_assembler_gives()
    {
        uint[] words =
        [
            0xd28010c8, 0xd2800220, 0x10000281, 0xd2800002, 0xd2800103, 0xd4000001, 0xd28010e8, 0xd2800000, 0x100002c1, 0xd2800002, 0xd2800103,
            0xd4000001, 0xd2801128, 0x10000220, 0xd2800001, 0xd2800002, 0xd2800103, 0xd4000001, 0xb7ffff40, 0xd2800000, 0xd2800ba8, 0xd4000001,
            1, 0, 0, 0, 0, 0, 0, 0, 0x4002, 0,
        ];

        byte[] program = PauseImage.Program("arm64");

        Assert.Equal(248, program.Length);
        Assert.Equal(183, BinaryPrimitives.ReadUInt16LittleEndian(program.AsSpan(18))); // Its processor.
        Assert.Equal(0x400078UL, BinaryPrimitives.ReadUInt64LittleEndian(program.AsSpan(24))); // Where it begins.
        Assert.Equal(words, Enumerable.Range(0, words.Length).Select(i => BinaryPrimitives.ReadUInt32LittleEndian(program.AsSpan(120 + 4 * i))));
    }

    [Fact]
    public void There_is_none_for_others()
    {
        Assert.Equal(248, PauseImage.Program("amd64").Length);
        Assert.Equal(
            "there is no built-in pause program for riscv64", Assert.Throws<PlatformNotSupportedException>(() => PauseImage.Program("riscv64")).Message);
    }
}
