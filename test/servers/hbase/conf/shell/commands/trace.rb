# Stands in for the shell's own trace command, whose library a 2.6 server no longer has.
module Shell
  module Commands
    # Says that tracing is not there.
    class Trace < Command
      def help
        'Not available in this shell.'
      end

      def command(*)
        puts help
      end
    end
  end
end
